import { Injectable } from '@nestjs/common';
import { Config, readSection } from '../common/config/index.js';
import { type Wallet, Wallets } from '../wallet/index.js';
import { PlanDto } from './tokens.dto.js';

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
    });
    this.catalog = readSection(PlanDto, 'plans', config.catalog.plans);
  }

  /** The plans for sale. */
  plans(): readonly PlanDto[] {
    return this.catalog;
  }
}
