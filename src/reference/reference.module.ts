import { type DynamicModule, Module } from '@nestjs/common';
import type { Config } from '../common/config/index.js';
import { makesTokens, SandboxTokenController } from './tokens.controller.js';

/** What the references need of the application: outside production, a route that makes tokens. */
@Module({})
export class ReferenceModule {
  static for(config: Config): DynamicModule {
    return { module: ReferenceModule, controllers: makesTokens(config) ? [SandboxTokenController] : [] };
  }
}
