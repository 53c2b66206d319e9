import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Config } from '../common/config/index.js';
import { FixedAnswer } from '../common/http/index.js';
import { referencePage, swaggerPage } from './pages.js';
import { makesTokens } from './tokens.controller.js';

export { ReferenceModule } from './reference.module.js';

const HTML = 'text/html; charset=utf-8';
const SCRIPT = 'text/javascript; charset=utf-8';
const STYLE = 'text/css; charset=utf-8';

const require = createRequire(import.meta.url);
/** Scalar's bundle, which is no export of its package. */
const scalar = () =>
  readFileSync(new URL('js/standalone.js', import.meta.resolve('@scalar/fastify-api-reference')), 'utf8');
const packaged = (file: string) => () => readFileSync(require.resolve(file), 'utf8');
const own = (file: string) => () => readFileSync(new URL(`browser/${file}`, import.meta.url), 'utf8');

/**
 * Serves two references of the API from this process alone: Swagger UI at `/api/docs` and Scalar at `/api/reference`.
 * They fetch the document like any client.
 */
export function serveReferences(server: FastifyInstance, config: Config): void {
  const serve = (path: string, type: string, make: () => string): void => {
    const answer = new FixedAnswer(type, make);
    server.get(path, (request: FastifyRequest, reply: FastifyReply) => answer.send(request, reply));
  };
  serve('/api/docs', HTML, () => swaggerPage(makesTokens(config)));
  serve('/api/docs/docs.css', STYLE, own('docs.css'));
  serve('/api/docs/docs.js', SCRIPT, own('docs.js'));
  serve('/api/docs/swagger-ui.css', STYLE, packaged('swagger-ui-dist/swagger-ui.css'));
  serve('/api/docs/swagger-ui-bundle.js', SCRIPT, packaged('swagger-ui-dist/swagger-ui-bundle.js'));
  serve('/api/reference', HTML, referencePage);
  serve('/api/reference/reference.js', SCRIPT, own('reference.js'));
  serve('/api/reference/scalar.js', SCRIPT, scalar);
}
