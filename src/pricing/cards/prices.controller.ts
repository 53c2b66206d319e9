import { Controller, Get, Param, Query, Req, Res } from '@nestjs/common';
import { ApiExcludeEndpoint, ApiParam, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Endpoint, Public, sendTagged } from '../../common/http/index.js';
import { PricedMeterDto, PricedModelDto, PricesQuery } from './cards.dto.js';
import { RateCardsService } from './cards.service.js';

const ANYTHING = 'The answer may be kept, and be asked about with `If-None-Match`.';

/** What usage costs now. */
@ApiTags('Pricing')
@Controller('pricing')
@Public()
export class PricesController {
  constructor(private readonly cards: RateCardsService) {}

  @Get('models')
  @Endpoint({
    summary: 'Prices of models',
    description: `The effective prices in force, in the order of the rate card: dollars per million tokens, per thousand of \`requests\` and \`web_searches\`. ${ANYTHING}`,
    answers: PricedModelDto,
    as: 'list',
    headers: ['ETag'],
  })
  models(@Query() query: PricesQuery, @Req() request: FastifyRequest, @Res() reply: FastifyReply): void {
    sendTagged(request, reply, this.cards.models(query));
  }

  @Get('models/:id')
  @ApiParam({
    name: 'id',
    description: 'The id or an alias. A `/` in it may stand plain or as `%2F`.',
    example: 'anthropic/claude-sonnet-4-5',
  })
  @Endpoint({
    summary: 'Prices of one model',
    description: `The effective prices in force of one model, by its id or an alias. ${ANYTHING}`,
    answers: PricedModelDto,
    errors: ['NOT_FOUND'],
    headers: ['ETag'],
  })
  model(@Param('id') id: string, @Req() request: FastifyRequest, @Res() reply: FastifyReply): void {
    sendTagged(request, reply, { data: this.cards.model(id) });
  }

  /** An id with a plain `/`: the router knows it as a first part and the rest. */
  @Get('models/:first/*')
  @ApiExcludeEndpoint()
  modelWithSlash(
    @Param() { first, '*': rest }: Record<string, string>,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): void {
    this.model(`${first}/${rest}`, request, reply);
  }

  @Get('meters')
  @Endpoint({
    summary: 'Prices of meters',
    description: `The effective prices in force of everything that is billed by the unit, such as a second of compute. ${ANYTHING}`,
    answers: PricedMeterDto,
    as: 'list',
    headers: ['ETag'],
  })
  meters(@Query() query: PricesQuery, @Req() request: FastifyRequest, @Res() reply: FastifyReply): void {
    sendTagged(request, reply, this.cards.meters(query));
  }
}
