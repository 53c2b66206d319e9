import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Logger } from 'pino';
import { AppModule } from './app.module.js';
import { partiesOf } from './auth/index.js';
import { type Config, currentConfig } from './common/config/index.js';
import { nameOf } from './common/database/index.js';
import { configureHttp, type Connections, createAdapter } from './common/http/index.js';
import { createLogger, explain, NestLogger } from './common/logging/index.js';
import { serveDocument } from './openapi.js';
import { ReferenceModule } from './reference/index.js';

const STOP_WITHIN_MS = 25_000;
/**
 * Connections that the system queues for a busy server; it resets some of those beyond. The system's own limit may be
 * lower.
 */
const BACKLOG = 4096;

async function main(): Promise<void> {
  const config = currentConfig();
  const logger = createLogger(config);
  for (const warning of config.warnings) logger.warn(warning);
  const root = { module: AppModule, imports: [ReferenceModule.for(config)] };
  const app = await NestFactory.create<NestFastifyApplication>(root, createAdapter(logger, config.trustProxy), {
    logger: new NestLogger(logger),
    bodyParser: false,
    abortOnError: false,
  });
  const connections = await configureHttp(app, config, partiesOf);
  serveDocument(app, config);
  stopOnSignal(app, connections, logger);
  await app.listen({ port: config.port, host: config.host, backlog: BACKLOG });
  logger.info(
    { port: config.port, provider: config.payments.provider, database: nameOf(config.database) },
    `listening on ${config.publicUrl}`,
  );
  if (!config.production) greet(config);
}

/**
 * Closing refuses new requests, finishes the accepted ones, drains the lanes and workers, and closes the database last.
 */
function stopOnSignal(app: NestFastifyApplication, connections: Connections, logger: Logger): void {
  const stop = (signal: NodeJS.Signals): void => {
    logger.info({ signal }, 'stopping');
    connections.stop();
    const failed = (error: unknown): void => {
      logger.fatal({ err: error }, 'could not stop cleanly');
      process.exit(1);
    };
    setTimeout(() => failed(new Error('it took too long')), STOP_WITHIN_MS).unref();
    app.close().then(() => {
      logger.flush();
      process.exit(0);
    }, failed);
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
}

/** Shows a newcomer the next steps, on standard error so that standard output stays JSON lines. */
function greet(config: Config): void {
  process.stderr.write(`
  Swagger UI    ${config.publicUrl}/api/docs
  A token       npm run --silent token -- --user 42
  An admin's    npm run --silent token -- --user 1 --admin
  Try it        curl ${config.publicUrl}/api/credits/balance -H "Authorization: Bearer $(npm run --silent token -- --user 42)"

`);
}

main().catch((error: unknown) => {
  process.stderr.write(`${explain(error)}\n`);
  process.exit(1);
});
