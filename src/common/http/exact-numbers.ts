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

/** A value as JSON with every digit of its numbers. Only one with such numbers needs the library, which is slower. */
export function exactJson(value: unknown): string {
  const text = JSON.stringify(value);
  return text.includes('"isLosslessNumber":true') ? stringify(value)! : text;
}

@Injectable()
class ExactNumbersInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<string> {
    void context.switchToHttp().getResponse<FastifyReply>().header('Content-Type', 'application/json; charset=utf-8');
    return next.handle().pipe(map((answer: unknown) => (typeof answer === 'string' ? answer : exactJson(answer))));
  }
}

/** Prints every digit of the numbers in a route's answer. An answer that is a text already is sent as it is. */
export const ExactNumbers = () => applyDecorators(UseInterceptors(ExactNumbersInterceptor));
