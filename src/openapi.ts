import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { API_PREFIX, errorComponents } from './common/http/index.js';

const DESCRIPTION = `Prepaid credits (US dollars) and tokens for AI agents. Buy in advance, spend as agents run; nothing is spent that isn't there, and nothing is charged twice.

**Authorize** with a JWT. Every answer carries \`X-Trace-Id\`. A POST that moves money or tokens accepts an \`Idempotency-Key\`: send the same key again and you get the first answer.`;

/** The OpenAPI document of the running application. */
function buildDocument(app: INestApplication): OpenAPIObject {
  const outline = new DocumentBuilder()
    .setTitle('Assimetria Credits')
    .setDescription(DESCRIPTION)
    .setVersion('1')
    .addServer('/', 'This server')
    .addTag('Credits', 'Balances, debits and history in US dollars.')
    .addTag('Tokens', 'The same for language-model tokens.')
    .addTag('Payments', 'Purchases and the payment provider.')
    .addTag('Health', 'For operators.')
    .addBearerAuth({ type: 'http', scheme: 'bearer', bearerFormat: 'JWT' }, 'bearer')
    .addCookieAuth('assimetria_jwt', { type: 'apiKey', in: 'cookie' }, 'cookie')
    .build();
  const document = SwaggerModule.createDocument(app, outline, {
    operationIdFactory: (controller, method) => `${controller.replace('Controller', '').toLowerCase()}_${method}`,
  });
  const { schemas, examples } = errorComponents();
  document.components = { ...document.components, schemas: { ...document.components?.schemas, ...(schemas as Schemas) }, examples };
  for (const { post } of Object.values(document.paths)) if (post) giveExample(post, document.components.schemas!);
  return document;
}

type Operation = NonNullable<OpenAPIObject['paths'][string]['post']>;
type Schemas = NonNullable<NonNullable<OpenAPIObject['components']>['schemas']>;
type Referring = { $ref?: string; properties?: Record<string, { example?: unknown }> };

/**
 * The body that Swagger UI offers to send: all fields that have an example. `account` has none, because naming another account than one's own is for
 * administrators, and a body that most can't send is a bad offer.
 */
function giveExample({ requestBody }: Operation, schemas: Schemas): void {
  const content = requestBody && 'content' in requestBody ? requestBody.content['application/json'] : undefined;
  const name = (content?.schema as Referring | undefined)?.$ref?.split('/').at(-1);
  if (!content || name === undefined) return;
  const fields = Object.entries((schemas[name] as Referring).properties ?? {}).map(([field, { example }]) => [field, example] as const);
  content.example = Object.fromEntries(fields.filter(([, example]) => example !== undefined));
}

/** Serves the document and Swagger UI. */
export function serveDocument(app: INestApplication): void {
  SwaggerModule.setup(`${API_PREFIX}/docs`, app, () => buildDocument(app), {
    jsonDocumentUrl: `${API_PREFIX}/docs/openapi.json`,
    customSiteTitle: 'Assimetria Credits API',
    swaggerOptions: { persistAuthorization: true, displayRequestDuration: true, tryItOutEnabled: true, tagsSorter: undefined },
  });
}
