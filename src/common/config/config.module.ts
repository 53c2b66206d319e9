import { Global, Module } from '@nestjs/common';
import { Config, currentConfig } from './config.js';

/** Provides the configuration. */
@Global()
@Module({
  providers: [{ provide: Config, useFactory: currentConfig }],
  exports: [Config],
})
export class ConfigModule {}
