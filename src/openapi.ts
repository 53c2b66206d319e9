import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { API_PREFIX } from './common/http/index.js';

const DESCRIPTION = `Prepaid credits (US dollars) and tokens for AI agents. Buy in advance, spend as agents run; nothing is spent that isn't there, and nothing is charged twice.

**Authorize** with a JWT. Every answer carries \`X-Trace-Id\`. A POST that moves money or tokens accepts an \`Idempotency-Key\`: send the same key again and you get the first answer.`;

/** The OpenAPI document of the running application. */
function buildDocument(app: INestApplication): OpenAPIObject {
  const outline = new DocumentBuilder()
    .setTitle('Assimetria Credits')
    .setDescription(DESCRIPTION)
    .setVersion('1')
    .setLicense('Proprietary', 'https://assimetria.com')
    .addServer('/', 'This server')
    .addTag('Credits', 'Balances, debits and history in US dollars.')
    .addTag('Tokens', 'The same for language-model tokens.')
    .addTag('Payments', 'Purchases and the payment provider.')
    .addTag('Health', 'For operators.')
    .addBearerAuth({ type: 'http', scheme: 'bearer', bearerFormat: 'JWT' }, 'bearer')
    .addCookieAuth('assimetria_jwt', { type: 'apiKey', in: 'cookie' }, 'cookie')
    .build();
  return SwaggerModule.createDocument(app, outline, {
    operationIdFactory: (controller, method) => `${controller.replace('Controller', '').toLowerCase()}_${method}`,
  });
}

/** Serves the document and Swagger UI. */
export function serveDocument(app: INestApplication): void {
  SwaggerModule.setup(`${API_PREFIX}/docs`, app, () => buildDocument(app), {
    jsonDocumentUrl: `${API_PREFIX}/docs/openapi.json`,
    customSiteTitle: 'Assimetria Credits API',
    swaggerOptions: { persistAuthorization: true, displayRequestDuration: true, tryItOutEnabled: true, tagsSorter: undefined },
  });
}
