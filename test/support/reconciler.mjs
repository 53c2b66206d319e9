/**
 * Reconciles when it is told to, without the start of a process each time: each message holds the options, and is
 * answered with the summary.
 */
import 'reflect-metadata';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { NestFactory } from '@nestjs/core';

const built = (/** @type {string} */ file) => import(pathToFileURL(resolve(process.env['BUILT'] ?? 'dist', file)).href);
const { AppModule } = await built('app.module.js');
const { ReconciliationService } = await built('payments/index.js');
const app = await NestFactory.createApplicationContext(AppModule, { logger: false, abortOnError: false });

process.on('message', (options) => {
  app
    .get(ReconciliationService)
    .run(options)
    .then(
      (/** @type {object} */ summary) => process.send?.({ summary }),
      (/** @type {Error} */ error) => process.send?.({ error: error.message }),
    );
});
process.on('disconnect', () => void app.close());
process.send?.('ready');
