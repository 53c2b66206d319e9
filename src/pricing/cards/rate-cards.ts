import { Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { ApiError, requestHash } from '../../common/http/index.js';
import { Jobs } from '../../common/jobs/index.js';
import { compileCard, type RateCard, type RateCardBody } from '../domain/index.js';
import { firstCard } from './first-card.js';
import type { RateCardHead } from './rate-card.entity.js';
import { type NewRateCard, RateCardStore } from './rate-card.store.js';
import { inForceAt, timelineOf } from './timeline.js';

/** Every server knows a new card within five seconds. */
const LOOK_EVERY_MS = 1_000;
/** How many cards with a later time are ready before it comes, without the database. */
const AHEAD = 3;
/** Cards that old quotes and receipts name. */
const REMEMBERED = 8;

/** A card that is or will be in force. */
interface Ready extends RateCardHead {
  readonly card: RateCard;
}

/** The prices: which card is in force now, and every card by its version. */
@Injectable()
export class RateCards implements OnApplicationBootstrap {
  private readonly logger = new Logger(RateCards.name);
  /** Promises, so that all who ask for a card at once wait for the same reading of it. */
  private readonly cards = new LRUCache<number, Promise<RateCard | undefined>>({ max: REMEMBERED });
  private timeline: readonly Ready[] = [];
  /** The requests that made the cards, by version. */
  private madeBy: ReadonlyMap<number, string> = new Map();
  private newest = 0;
  private isBehind = false;
  private looking = Promise.resolve();

  constructor(
    private readonly store: RateCardStore,
    private readonly jobs: Jobs,
  ) {
    jobs.add(
      { everyMs: LOOK_EVERY_MS },
      {
        work: () => this.look(),
        failed: ({ message }) => this.warn(message),
      },
    );
  }

  /** Makes the first card where there is none. While the database lacks the table, the job tries again. */
  async onApplicationBootstrap(): Promise<void> {
    if (this.jobs.areDone) await this.look().catch(({ message }: Error) => this.warn(message));
  }

  /**
   * The card in force, by this server's clock.
   * @throws ApiError OVERLOADED before the first card has been read
   */
  current(): RateCard {
    return this.inForce().card;
  }

  /** As `current`, with what the table says of it. */
  inForce(): Ready {
    const ready = inForceAt(this.timeline, Date.now());
    if (!ready) throw new ApiError('OVERLOADED', 'The prices have not been read yet. Send the request again.');
    return ready;
  }

  /** A card by its version; undefined when there is none. */
  async card(version: number): Promise<RateCard | undefined> {
    const ready = this.timeline.find((each) => each.version === version);
    return ready?.card ?? this.cards.get(version) ?? this.remember(version);
  }

  private remember(version: number): Promise<RateCard | undefined> {
    const reading = this.store.body(version).then((body) => body && compileCard(version, body));
    this.cards.set(version, reading);
    const forget = () => this.cards.peek(version) === reading && this.cards.delete(version);
    reading.then((card) => card ?? forget(), forget);
    return reading;
  }

  /** Makes a card, which this server knows before it answers. */
  async make(card: NewRateCard): Promise<{ head: RateCardHead; replayed: boolean }> {
    const made = await this.store.make(card);
    // The card is made: if it can't be read now, the job reads it.
    await this.look().catch(({ message }: Error) => this.warn(message));
    return made;
  }

  /** Looks for new cards, never twice at once: what was read first must not replace what was read later. */
  private look(): Promise<void> {
    return (this.looking = this.looking.catch(() => undefined).then(() => this.lookOnce()));
  }

  /** Reads the cards when there is a new one, or when the next of the timeline has come into force. */
  private async lookOnce(): Promise<void> {
    let newest = await this.store.newest();
    if (newest === 0) {
      await this.store.makeFirst(shipped());
      newest = await this.store.newest();
    }
    const [, next] = this.timeline;
    if (newest !== this.newest || (next && next.effectiveFrom <= Date.now())) await this.read();
    this.isBehind = false;
  }

  private async read(): Promise<void> {
    const heads = await this.store.heads();
    // After a failover that lost a card, another one may have its version.
    const known = new Map(this.timeline.map((ready) => [ready.requestId, ready]));
    const timeline: Ready[] = [];
    for (const head of timelineOf(heads, Date.now()).slice(0, 1 + AHEAD)) {
      const ready = known.get(head.requestId);
      if (ready) timeline.push(ready);
      else timeline.push({ ...head, card: compileCard(head.version, (await this.store.body(head.version))!) });
    }
    this.timeline = timeline;
    this.newest = Math.max(0, ...heads.map(({ version }) => version));
    const madeBy = new Map(heads.map(({ version, requestId }) => [version, requestId]));
    for (const version of this.cards.keys())
      if (madeBy.get(version) !== this.madeBy.get(version)) this.cards.delete(version);
    this.madeBy = madeBy;
  }

  /** Says once that the cards can't be read. */
  private warn(message: string): void {
    if (!this.isBehind) this.logger.warn(`the rate cards could not be read and are asked for again: ${message}`);
    this.isBehind = true;
  }
}

/** The card that ships, as version 1: an upgrade never changes prices. */
function shipped(): Omit<RateCardHead, 'version'> & { body: RateCardBody } {
  const { effective_from: _, ...body } = firstCard();
  const now = Date.now();
  return {
    effectiveFrom: now,
    markup: body.markup,
    body,
    createdBy: 'system',
    createdAt: now,
    requestId: 'the card that ships',
    requestHash: requestHash(body),
  };
}
