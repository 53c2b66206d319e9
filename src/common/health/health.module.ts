import { Module } from '@nestjs/common';
import { HealthController } from './health.controller.js';
import { HealthService } from './health.service.js';

/** Health, readiness and version, open to everybody. */
@Module({ controllers: [HealthController], providers: [HealthService] })
export class HealthModule {}
