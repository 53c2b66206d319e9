import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Config } from './common/config/index.js';
import { API_PREFIX, completeDocument, FixedAnswer, serveErrorsPage } from './common/http/index.js';
import { serveReferences } from './reference/index.js';

const DESCRIPTION = `Prepaid credits (US dollars) and tokens for AI agents. Buy in advance, spend as agents run. A balance is never overdrawn by spending, and nothing is charged twice.

**Authorize** with a JWT. Every answer carries \`X-Trace-Id\`. A POST that moves money or tokens accepts an \`Idempotency-Key\`: send the same key again and you get the first answer.`;

/** The OpenAPI document of the running application. */
function buildDocument(app: NestFastifyApplication): OpenAPIObject {
  const outline = new DocumentBuilder()
    .setTitle('Assimetria Credits')
    .setDescription(DESCRIPTION)
    .setVersion('1')
    .setOpenAPIVersion('3.1.0')
    .addServer('/', 'This server')
    .addTag('Caller', 'Who asks.')
    .addTag('Credits', 'Balances, debits and history in US dollars.')
    .addTag('Tokens', 'The same for language-model tokens.')
    .addTag('Pricing', 'What usage costs, and the rate cards that say it.')
    .addTag('Payments', 'Purchases and the payment provider.')
    .addTag('Admin: accounts', 'Accounts across owners, all that there is of one, freezes and notes.')
    .addTag('Admin: transactions', 'Transactions across accounts.')
    .addTag('Admin: purchases', 'The purchases of all accounts and their reviews.')
    .addTag('Admin: audit', 'Who did what.')
    .addTag('Admin: finance', 'The books of a month, for accountants.')
    .addTag('Health', 'For operators.')
    .addBearerAuth({ type: 'http', scheme: 'bearer', bearerFormat: 'JWT' }, 'bearer')
    .addCookieAuth('assimetria_jwt', { type: 'apiKey', in: 'cookie' }, 'cookie')
    .build();
  Object.assign(outline.info, {
    contact: { name: 'Assimetria' },
    license: { name: 'Proprietary', identifier: 'LicenseRef-Proprietary' },
  });
  const document = SwaggerModule.createDocument(app, outline, {
    operationIdFactory: (controller, method) => `${controller}.${method}`,
  });
  completeDocument(document);
  return document;
}

/** Serves the document and the pages that show it. */
export function serveDocument(app: NestFastifyApplication, config: Config): void {
  const document = new FixedAnswer('application/json; charset=utf-8', () => JSON.stringify(buildDocument(app)));
  const server = app.getHttpAdapter().getInstance();
  server.get(`/${API_PREFIX}/docs/openapi.json`, (request: FastifyRequest, reply: FastifyReply) =>
    document.send(request, reply),
  );
  server.get('/', (_request: FastifyRequest, reply: FastifyReply) => reply.redirect(`/${API_PREFIX}/docs`));
  serveErrorsPage(server);
  serveReferences(server, config);
}
