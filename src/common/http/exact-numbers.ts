import {
  applyDecorators,
  type CallHandler,
  type ExecutionContext,
  Injectable,
  type NestInterceptor,
  UseInterceptors,
} from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { LosslessNumber, stringify } from 'lossless-json';
import { map, type Observable } from 'rxjs';

/**
 * A number of an answer that may have more digits than a double. A client that parses JSON into doubles reads the
 * nearest double.
 */
export type ExactNumber = number | LosslessNumber;

/** The number of a decimal text: a double where that prints the same. */
export function exactNumber(decimal: string): ExactNumber {
  const double = Number(decimal);
  return String(double) === decimal ? double : new LosslessNumber(decimal);
}

/** A row as JSON with every digit of its numbers. Only rows with such numbers need the library, which is slower. */
export function exactJson(row: object): string {
  return Object.values(row).some((value) => value instanceof LosslessNumber) ? stringify(row)! : JSON.stringify(row);
}

@Injectable()
class ExactNumbersInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<string> {
    void context.switchToHttp().getResponse<FastifyReply>().header('Content-Type', 'application/json; charset=utf-8');
    return next.handle().pipe(map((answer: unknown) => (typeof answer === 'string' ? answer : stringify(answer)!)));
  }
}

/** Prints every digit of the numbers in a route's answer. An answer that is a text already is sent as it is. */
export const ExactNumbers = () => applyDecorators(UseInterceptors(ExactNumbersInterceptor));
