import { Injectable } from '@nestjs/common';
import { Config, readSection } from '../common/config/index.js';
import { canonicalModel, type RateCard, tokensOf, type Usage, UsageError } from '../pricing/index.js';
import { type Measured, type Wallet, Wallets } from '../wallet/index.js';
import { PlanDto } from './tokens.dto.js';

/**
 * Counts the tokens of a model's usage, which needs no price.
 * @throws UsageError for a meter, and for usage without a token
 */
function count(card: RateCard, usage: Usage): Measured {
  if (usage.kind === 'meter') throw new UsageError('meter', 'has no tokens; it can be billed in credits');
  const amount = tokensOf(usage);
  if (amount === 0) throw new UsageError('', 'has no tokens');
  return { amount, model: canonicalModel(card, usage.model) ?? usage.model, pricing: null };
}

/** Tokens: the number that language models may still use. */
@Injectable()
export class TokensService {
  readonly wallet: Wallet<{ unit: 'tokens' }>;
  private readonly catalog: readonly PlanDto[];

  constructor(wallets: Wallets, config: Config) {
    this.wallet = wallets.of({
      unit: 'tokens',
      deposit: 'grant',
      spend: 'consume',
      category: 'promotional',
      purchase: 'purchase',
      label: { unit: 'tokens' },
      measure: count,
    });
    this.catalog = readSection(PlanDto, 'plans', config.catalog.plans);
  }

  /** The plans for sale. */
  plans(): readonly PlanDto[] {
    return this.catalog;
  }
}
