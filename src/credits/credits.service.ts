import { Injectable } from '@nestjs/common';
import { Config, readSection } from '../common/config/index.js';
import { price } from '../pricing/index.js';
import { type Wallet, Wallets } from '../wallet/index.js';
import { PackageDto } from './credits.dto.js';

/** Credits: US dollars that were paid in advance. */
@Injectable()
export class CreditsService {
  readonly wallet: Wallet<{ currency: 'USD' }>;
  private readonly catalog: readonly PackageDto[];

  constructor(wallets: Wallets, config: Config) {
    this.wallet = wallets.of({
      unit: 'USD',
      deposit: 'deposit',
      spend: 'debit',
      category: 'paid',
      purchase: 'deposit',
      label: { currency: 'USD' },
      measure: price,
    });
    this.catalog = readSection(PackageDto, 'packages', config.catalog.packages);
  }

  /** The packages for sale. */
  packages(): readonly PackageDto[] {
    return this.catalog;
  }
}
