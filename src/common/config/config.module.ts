import { Global, Module } from '@nestjs/common';
import { Config, readConfig } from './config.js';

/** Gives every module the one checked reading of the environment. */
@Global()
@Module({
  providers: [{ provide: Config, useFactory: () => readConfig(process.env) }],
  exports: [Config],
})
export class ConfigModule {}
