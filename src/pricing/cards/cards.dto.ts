import { ApiProperty, ApiPropertyOptional, OmitType } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { IsInt, IsOptional, Max, Min } from 'class-validator';
import { IsText, PagingQuery, toInteger } from '../../common/http/index.js';
import { POOLS } from '../domain/index.js';

const DECIMAL = { type: 'string', pattern: '^(0|[1-9]\\d*)(\\.\\d+)?$', maxLength: 40 } as const;
const NAME = { minLength: 1, maxLength: 100 } as const;
const PRICES = {
  type: 'object',
  additionalProperties: DECIMAL,
  propertyNames: { enum: [...POOLS] },
  example: { input: '3', cache_read: '0.3', output: '15', web_searches: '10' },
} as const;

/** Prices for all of a request whose prompt is long. */
export class PriceTierDto {
  /**
   * The tokens of the prompt from which it applies.
   * @example 200001
   */
  @ApiProperty({ type: 'integer', minimum: 1 })
  from: number;

  /** A price for every pool that the model prices. */
  @ApiProperty(PRICES)
  prices: Record<string, string>;
}

/** The prices of a model: dollars per million tokens, per thousand of `requests` and `web_searches`. */
export class CardModelDto {
  /**
   * The canonical id, which entries and receipts have.
   * @example "anthropic/claude-sonnet-4-5"
   */
  @ApiProperty(NAME)
  id: string;

  /**
   * Other names of the model.
   * @example ["claude-sonnet-4-5-20250929"]
   */
  @ApiPropertyOptional({ maxItems: 1000, items: { type: 'string', ...NAME } })
  aliases?: string[];

  /** A decimal text for each pool that has a price; usage of another pool is refused. */
  @ApiProperty(PRICES)
  prices: Record<string, string>;

  /** The highest `from` that is at most the prompt applies to all pools of the request. */
  @ApiPropertyOptional({ maxItems: 1000 })
  tiers?: PriceTierDto[];

  /** Factors on every price, by the name of the service tier. */
  @ApiPropertyOptional({ type: 'object', additionalProperties: DECIMAL as never, example: { batch: '0.5' } })
  service_tiers?: Record<string, string>;
}

/** Something that is billed by the unit. */
export class CardMeterDto {
  /** @example "compute_second" */
  @ApiProperty(NAME)
  id: string;

  /**
   * Dollars for one unit.
   * @example "0.000025"
   */
  @ApiProperty(DECIMAL)
  unit_price: string;

  /** @example "second" */
  @ApiProperty(NAME)
  unit: string;
}

/** A rate card to make. The table of docs/pricing.md has every rule. */
export class NewRateCardDto {
  /**
   * When it comes into force, not in the past; absent: now.
   * @example "2099-01-01T00:00:00Z"
   */
  @ApiPropertyOptional({ format: 'date-time' })
  effective_from?: string;

  /** @example "USD" */
  @ApiProperty({ enum: ['USD'] })
  currency: 'USD';

  /**
   * A factor on every price, more than 0, at most 100. Only administrators see it.
   * @example "1.25"
   */
  @ApiProperty(DECIMAL)
  markup: string;

  /** @example [{ "id": "anthropic/claude-sonnet-4-5", "prices": { "input": "3", "output": "15" } }] */
  @ApiProperty({ maxItems: 10_000 })
  models: CardModelDto[];

  /** @example [{ "id": "compute_second", "unit_price": "0.000025", "unit": "second" }] */
  @ApiProperty({ maxItems: 10_000 })
  meters: CardMeterDto[];

  /**
   * What readers of the card should know.
   * @example ["Prices of the provider, with our markup."]
   */
  @ApiPropertyOptional({ maxItems: 10_000, items: { type: 'string', maxLength: 10_000 } })
  notes?: string[];
}

/** A version of the prices. */
export class RateCardSummaryDto {
  /**
   * Counts 1, 2, 3 … without a gap.
   * @example 1
   */
  @ApiProperty({ type: 'integer' })
  version: number;

  /**
   * When it comes into force. In force is the highest version whose time has come.
   * @example "2026-12-01T00:00:00.000Z"
   */
  effective_from: string;

  /**
   * Whether it is in force now.
   * @example false
   */
  in_force: boolean;

  /**
   * The factor on every price. Only administrators see it.
   * @example "1.25"
   */
  markup?: string;

  /**
   * Who made it: `admin:<sub>`, or `system` for the card that ships.
   * @example "admin:root"
   */
  created_by: string;

  /** @example "2026-11-30T09:00:00.000Z" */
  created_at: string;
}

/** A rate card. Administrators see it as it was made; everybody else sees the prices with the markup in them. */
export class RateCardDto extends RateCardSummaryDto {
  /** @example "USD" */
  currency: 'USD';

  models: CardModelDto[];

  meters: CardMeterDto[];

  /** @example [] */
  notes: string[];
}

/** A price that differs between two cards. */
export class RateChangeDto {
  /**
   * The model or meter.
   * @example "anthropic/claude-sonnet-4-5"
   */
  id: string;

  /**
   * The pool; `unit_price` or `unit` of a meter; `service_tier:<name>` for a factor.
   * @example "input"
   */
  pool: string;

  /**
   * The `from` of the tier; absent: the model's own prices.
   * @example 200001
   */
  @ApiPropertyOptional({ type: 'integer' })
  tier?: number;

  /**
   * In the first card; absent where it has none.
   * @example "3"
   */
  from?: string;

  /**
   * In the second card; absent where it has none.
   * @example "2.5"
   */
  to?: string;
}

/** What lies between two cards. */
export class RateCardDiffDto {
  /**
   * The models and meters that only the second card has.
   * @example ["house/new-model"]
   */
  added: string[];

  /**
   * The models and meters that only the first card has.
   * @example ["house/old-model"]
   */
  removed: string[];

  /** The prices of models and meters that both have. */
  changed: RateChangeDto[];

  /** The markups, where they differ. Only administrators see them. */
  @ApiPropertyOptional({
    type: 'object',
    required: ['from', 'to'],
    properties: { from: { type: 'string' }, to: { type: 'string' } },
    example: { from: '1.25', to: '1.3' },
  } as object)
  markup?: { from: string; to: string };
}

/** A model with what it costs now. */
export class PricedModelDto extends OmitType(CardModelDto, ['aliases']) {
  /**
   * Other names of the model.
   * @example []
   */
  aliases: string[];

  /**
   * The version of the rate card.
   * @example 1
   */
  @ApiProperty({ type: 'integer' })
  rate_card: number;
}

/** A meter with what it costs now. */
export class PricedMeterDto extends CardMeterDto {
  /**
   * The version of the rate card.
   * @example 1
   */
  @ApiProperty({ type: 'integer' })
  rate_card: number;
}

/** Which models or meters to list. */
export class PricesQuery extends PagingQuery {
  /** Only those whose id or alias contains this, in upper or lower case. */
  @IsOptional()
  @IsText(1, 200)
  q?: string;
}

const VERSION_LIMIT = 2_147_483_647;

/** The version in a path. */
export class RateCardVersion {
  /**
   * The version.
   * @example 1
   */
  @ApiProperty({ type: 'integer' })
  @Transform(toInteger)
  @IsInt()
  @Min(1)
  @Max(VERSION_LIMIT)
  version: number;
}

/** Two versions in a path. */
export class RateCardVersions {
  /**
   * The version to compare from.
   * @example 1
   */
  @ApiProperty({ type: 'integer' })
  @Transform(toInteger)
  @IsInt()
  @Min(1)
  @Max(VERSION_LIMIT)
  a: number;

  /**
   * The version to compare to.
   * @example 1
   */
  @ApiProperty({ type: 'integer' })
  @Transform(toInteger)
  @IsInt()
  @Min(1)
  @Max(VERSION_LIMIT)
  b: number;
}
