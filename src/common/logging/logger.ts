import type { LoggerService } from '@nestjs/common';
import { pino, type Logger } from 'pino';
import pretty from 'pino-pretty';
import type { Config } from '../config/index.js';

/**
 * JSON lines on standard output; on a terminal outside production, lines for people. It never logs a header, a body or
 * an SQL parameter. Lines are buffered for at most a tenth of a second, because a system call per line cost a tenth of
 * a request. The buffer is a few kilobytes, because the destination measures all of it with every line.
 */
export function createLogger(config: Pick<Config, 'logLevel' | 'production'>): Logger {
  const options = {
    level: config.logLevel,
    base: undefined,
    timestamp: pino.stdTimeFunctions.isoTime,
    serializers: { err: describeError },
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return process.stdout.isTTY && !config.production
    ? pino(options, pretty({ ignore: 'trace_id', singleLine: true }))
    : pino(options, pino.destination({ dest: 1, sync: true, minLength: 4_096, periodicFlush: 100 }));
}

/** Keeps these fields alone, because an error's others can carry SQL with its values. */
function describeError(error: Error & { code?: unknown }): object {
  return { type: error.constructor?.name, message: error.message, code: error.code, stack: error.stack };
}

/** Sends Nest's own messages (start, stop, unhandled errors) through the same logger. */
export class NestLogger implements LoggerService {
  constructor(private readonly logger: Logger) {}

  log(message: unknown, context?: string): void {
    this.logger.debug({ context }, String(message));
  }

  warn(message: unknown, context?: string): void {
    this.logger.warn({ context }, String(message));
  }

  error(message: unknown, stack?: string, context?: string): void {
    this.logger.error({ context, stack }, String(message));
  }
}
