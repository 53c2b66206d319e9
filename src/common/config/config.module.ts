import { Global, Module } from '@nestjs/common';
import { Config, currentConfig } from './config.js';

/** Gives every module the one checked reading of the environment. */
@Global()
@Module({
  providers: [{ provide: Config, useFactory: currentConfig }],
  exports: [Config],
})
export class ConfigModule {}
