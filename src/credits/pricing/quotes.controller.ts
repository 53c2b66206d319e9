import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { accountFor, Authenticated, CurrentPrincipal, type Principal } from '../../auth/index.js';
import { ApiError, data, type Data, Endpoint, invalidField } from '../../common/http/index.js';
import {
  affordableMaxOutput,
  quote,
  type QuoteBody,
  Quotes,
  type RateCard,
  RateCards,
  type Priced,
  UsageError,
} from '../../pricing/index.js';
import { fromStored, type Stored, type Wallet } from '../../wallet/index.js';
import { CreditsService } from '../credits.service.js';
import { NewQuoteDto, QuoteDto } from './quote.dto.js';

const DEFAULT_SECONDS = 300;

/** What usage would cost. */
@ApiTags('Pricing')
@Controller('pricing/quote')
export class QuotesController {
  private readonly wallet: Wallet;

  constructor(
    credits: CreditsService,
    private readonly cards: RateCards,
    private readonly quotes: Quotes,
  ) {
    this.wallet = credits.wallet;
  }

  @Post()
  @HttpCode(201)
  @Authenticated()
  @Endpoint({
    summary: 'Quote usage before it is spent',
    description:
      'Binds the rate card in force, not the amount, for the account and the model or meter, until it expires: a debit or capture of usage that names it in `quote_id` is priced by that card, also several of them, and a hold that names it keeps its amount back. `affordable_max_output` says how much output the available balance pays.',
    status: 201,
    answers: QuoteDto,
    example: {
      affordable_max_output: 4000,
      pricing: {
        rate_card: 1,
        model: 'anthropic/claude-sonnet-4-5',
        lines: [
          { pool: 'input', quantity: 12_000, unit_price: '0.000003', amount: '0.036' },
          { pool: 'output', quantity: 4_000, unit_price: '0.000015', amount: '0.06' },
        ],
        exact: '0.096',
      },
    },
    errors: ['FORBIDDEN', 'UNPRICED', 'PAYLOAD_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE'],
  })
  quote(@CurrentPrincipal() who: Principal, @Body() body: NewQuoteDto): Promise<Data<QuoteDto>> {
    return data(this.make(who, body));
  }

  private async make(who: Principal, { account: named, usage, expires_in }: NewQuoteDto): Promise<QuoteDto> {
    const account = accountFor(who, named);
    const card = this.cards.current();
    const { amount, model, pricing } = priced(card, usage);
    const { available } = await this.wallet.reader.balance(this.wallet.nameFor(who, named));
    const createdAt = Date.now();
    const expiresAt = createdAt + (expires_in ?? DEFAULT_SECONDS) * 1000;
    const meter = pricing.meter ?? null;
    const given = { account, amount, rateCard: card.version, model, meter, usage, createdAt, expiresAt };
    const { id } = await this.quotes.give(given);
    return {
      id,
      account,
      amount: fromStored('USD', amount as Stored),
      pricing,
      rate_card: card.version,
      available: fromStored('USD', available),
      affordable: amount <= available,
      ...(usage.max_output !== undefined && {
        affordable_max_output: affordableMaxOutput(card, usage, available),
      }),
      expires_at: new Date(expiresAt).toISOString(),
    };
  }
}

/** @throws ApiError VALIDATION_ERROR, UNPRICED */
function priced(card: RateCard, usage: QuoteBody): Priced {
  try {
    const found = quote(card, usage);
    if ('unpriced' in found) throw new ApiError('UNPRICED', undefined, { details: found.unpriced });
    return found;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw invalidField(error.field ? `usage.${error.field}` : 'usage', error.message);
  }
}
