import type { RateCardHead } from './rate-card.entity.js';

type When = Pick<RateCardHead, 'version' | 'effectiveFrom'>;

/**
 * The cards that are or will be in force, in the order in which they come: in force is the highest version whose time
 * has come. While none has, because the clock of this server is late, the first to come is in force.
 * @param now milliseconds since 1970
 */
export function timelineOf<T extends When>(cards: readonly T[], now: number): T[] {
  const inOrder = [...cards].sort((a, b) => a.effectiveFrom - b.effectiveFrom || a.version - b.version);
  const timeline: T[] = [];
  for (const card of inOrder) {
    if (timeline[0] && card.version < timeline.at(-1)!.version) continue;
    if (card.effectiveFrom <= now) timeline.length = 0;
    timeline.push(card);
  }
  return timeline;
}

/** The card of a timeline that is in force. */
export function inForceAt<T extends When>(timeline: readonly T[], now: number): T | undefined {
  for (let i = timeline.length - 1; i > 0; i--) if (timeline[i]!.effectiveFrom <= now) return timeline[i];
  return timeline[0];
}
