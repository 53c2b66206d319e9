import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { isTransient } from '../database/index.js';
import { ApiError, envelope, type ErrorCode } from './errors.js';

const BY_STATUS: Partial<Record<number, ErrorCode>> = {
  400: 'VALIDATION_ERROR',
  401: 'UNAUTHORIZED',
  403: 'FORBIDDEN',
  404: 'NOT_FOUND',
  405: 'NOT_FOUND',
  413: 'PAYLOAD_TOO_LARGE',
  414: 'VALIDATION_ERROR',
  415: 'UNSUPPORTED_MEDIA_TYPE',
  429: 'RATE_LIMITED',
  503: 'OVERLOADED',
};

/** Turns everything that is thrown into the error envelope. */
@Catch()
export class ErrorFilter implements ExceptionFilter {
  catch(thrown: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    sendError(thrown, http.getRequest<FastifyRequest>(), http.getResponse<FastifyReply>());
  }
}

/**
 * Answers with the error envelope. An unforeseen error is logged with its stack and answered as INTERNAL_ERROR; a
 * foreseen one, such as an outage, is logged in a line.
 */
export function sendError(thrown: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const error = toApiError(thrown);
  const said = { trace_id: request.id, code: error.code };
  if (error.status === 500) request.log.error({ ...said, err: thrown }, 'request failed');
  else if (error.status > 500) request.log.warn({ ...said, reason: reasonOf(thrown) }, 'request refused');
  const retryAfter = error.options.retryAfterSeconds ?? (error.status === 503 || error.status === 429 ? 1 : undefined);
  if (retryAfter !== undefined) void reply.header('Retry-After', String(retryAfter));
  if (error.status === 401) void reply.header('WWW-Authenticate', 'Bearer');
  if (error.options.replayedFrom !== undefined) void reply.header('Idempotent-Replayed', 'true');
  // The connection closes, because the rest of the body is not worth reading.
  if (error.status === 413) void reply.header('Connection', 'close');
  void reply.status(error.status).send(envelope(error, error.options.replayedFrom ?? request.id));
}

/** When none of a host's several addresses answers, the error has a code and no message. */
function reasonOf(thrown: unknown): string | undefined {
  const { message, code } = thrown as { message?: string; code?: string };
  return message || code;
}

function toApiError(thrown: unknown): ApiError {
  if (thrown instanceof ApiError) return thrown;
  if (isTransient(thrown)) return new ApiError('OVERLOADED', 'The database is not available; send the request again.');
  const status = thrown instanceof HttpException ? thrown.getStatus() : (thrown as { statusCode?: unknown }).statusCode;
  const code = typeof status === 'number' ? BY_STATUS[status] : undefined;
  if (!code) return new ApiError('INTERNAL_ERROR');
  // Fastify and Nest word these messages for a client (malformed JSON, an unknown route). Their other messages could
  // reveal too much.
  const speaks = code === 'VALIDATION_ERROR' || code === 'NOT_FOUND';
  return new ApiError(
    code,
    speaks ? (thrown as Error).message : undefined,
    code === 'VALIDATION_ERROR' ? { details: [{ field: 'body', message: (thrown as Error).message }] } : {},
  );
}
