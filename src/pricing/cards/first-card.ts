import { readFileSync } from 'node:fs';
import { checkCard, type RateCardBody } from '../domain/index.js';

/**
 * The card that ships with this version of the software.
 * @throws Error when it has a bad line
 */
export function firstCard(): RateCardBody {
  const body = JSON.parse(readFileSync(new URL('../../../rate-card.json', import.meta.url), 'utf8')) as RateCardBody;
  const [problem] = checkCard(body);
  if (problem) throw new Error(`rate-card.json: ${problem.field} ${problem.message}`);
  return body;
}
