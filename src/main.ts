import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { AppModule } from './app.module.js';
import { type Config, ConfigError, currentConfig } from './common/config/index.js';
import { configureHttp, createAdapter } from './common/http/index.js';
import { createLogger, NestLogger } from './common/logging/index.js';
import { serveDocument } from './openapi.js';

async function main(): Promise<void> {
  const config = currentConfig();
  const logger = createLogger(config);
  const app = await NestFactory.create<NestFastifyApplication>(AppModule, createAdapter(logger), {
    logger: new NestLogger(logger),
    bodyParser: false,
    abortOnError: false,
    forceCloseConnections: true,
  });
  await configureHttp(app, config);
  serveDocument(app);
  await app.listen(config.port, config.host);
  logger.info({ port: config.port, provider: config.payments.provider, database: config.database.kind }, `listening on ${config.publicUrl}`);
  if (!config.production) greet(config);
}

/** What a newcomer needs next; on standard error, so that standard output stays JSON lines. */
function greet(config: Config): void {
  process.stderr.write(`
  Swagger UI    ${config.publicUrl}/api/docs
  A token       npm run --silent token -- --user 42
  An admin's    npm run --silent token -- --user 1 --admin
  Try it        curl ${config.publicUrl}/api/credits/balance -H "Authorization: Bearer $(npm run --silent token -- --user 42)"

`);
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof ConfigError ? error.message : error instanceof Error ? error.stack : String(error)}\n`);
  process.exit(1);
});
