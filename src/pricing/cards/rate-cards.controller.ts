import { Body, Controller, Get, Param, Post, Query } from '@nestjs/common';
import { ApiBody, ApiTags } from '@nestjs/swagger';
import { AdminOnly, Authenticated, CurrentPrincipal, type Principal } from '../../auth/index.js';
import {
  type Answered,
  data,
  type Data,
  Endpoint,
  type Idempotency,
  IdempotencyKey,
  LargeBody,
  type Page,
  PagingQuery,
} from '../../common/http/index.js';
import {
  NewRateCardDto,
  RateCardDiffDto,
  RateCardDto,
  RateCardSummaryDto,
  RateCardVersion,
  RateCardVersions,
} from './cards.dto.js';
import { RateCardsService } from './cards.service.js';

/** The versions of the prices. */
@ApiTags('Pricing')
@Controller('pricing/rate-cards')
export class RateCardsController {
  constructor(private readonly cards: RateCardsService) {}

  @Get()
  @Authenticated()
  @Endpoint({
    summary: 'Rate cards, the newest first',
    description: 'All rate cards, the newest first, without their prices.',
    answers: RateCardSummaryDto,
    as: 'list',
  })
  rateCards(@CurrentPrincipal() who: Principal, @Query() query: PagingQuery): Promise<Page<RateCardSummaryDto>> {
    return this.cards.list(who, query);
  }

  @Get(':version')
  @Authenticated()
  @Endpoint({
    summary: 'One rate card',
    description:
      'The whole rate card. Administrators see it as it was made; everybody else sees effective prices, with the markup in them.',
    answers: RateCardDto,
    errors: ['NOT_FOUND'],
  })
  rateCard(@CurrentPrincipal() who: Principal, @Param() { version }: RateCardVersion): Promise<Data<RateCardDto>> {
    return data(this.cards.find(who, version));
  }

  @Get(':a/diff/:b')
  @Authenticated()
  @Endpoint({
    summary: 'Compare two rate cards',
    description:
      'Line by line, from `a` to `b`. Administrators compare the cards as they were made, and their markups; everybody else compares effective prices.',
    answers: RateCardDiffDto,
    errors: ['NOT_FOUND'],
  })
  compareRateCards(
    @CurrentPrincipal() who: Principal,
    @Param() { a, b }: RateCardVersions,
  ): Promise<Data<RateCardDiffDto>> {
    return data(this.cards.compare(who, a, b));
  }

  @Post()
  @AdminOnly()
  @LargeBody()
  @ApiBody({ type: NewRateCardDto })
  @Endpoint({
    summary: 'Make a rate card (administrators)',
    description:
      'At most 4 MiB. A card is never changed: another one takes its place. Every server prices by it within five seconds of its time. A refusal names every bad line in `details`.',
    status: 201,
    answers: RateCardDto,
    example: { version: 2, effective_from: '2099-01-01T00:00:00.000Z', markup: '1.25' },
    idempotent: true,
    errors: ['FORBIDDEN'],
  })
  createRateCard(
    @CurrentPrincipal() who: Principal,
    @Body() body: unknown,
    @IdempotencyKey() key: Idempotency,
  ): Promise<Answered<RateCardDto>> {
    return this.cards.make(who, body, key);
  }
}
