import { Module } from '@nestjs/common';
import { AdminModule } from './admin/index.js';
import { AuthModule } from './auth/index.js';
import { ConfigModule } from './common/config/index.js';
import { DatabaseModule } from './common/database/index.js';
import { HealthModule } from './common/health/index.js';
import { JobsModule } from './common/jobs/index.js';
import { MetricsModule } from './common/metrics/index.js';
import { CreditsModule } from './credits/index.js';
import { MIGRATIONS } from './migrations.js';
import { PaymentsModule } from './payments/index.js';
import { PricingModule } from './pricing/index.js';
import { TokensModule } from './tokens/index.js';

/** The whole application. */
@Module({
  imports: [
    ConfigModule,
    DatabaseModule.forRoot({ migrations: MIGRATIONS }),
    MetricsModule,
    JobsModule,
    AuthModule,
    HealthModule,
    PricingModule,
    CreditsModule,
    TokensModule,
    PaymentsModule,
    AdminModule,
  ],
})
export class AppModule {}
