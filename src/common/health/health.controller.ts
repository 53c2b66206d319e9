import { Controller, Get } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { data, type Data, Endpoint, Public } from '../http/index.js';
import { HealthDto, VersionDto } from './health.dto.js';
import { HealthService } from './health.service.js';

@ApiTags('Health')
@Public()
@Controller()
export class HealthController {
  constructor(private readonly state: HealthService) {}

  @Get('health')
  @Endpoint({ summary: 'Process and database', answers: HealthDto, errors: ['OVERLOADED'] })
  health(): Promise<Data<HealthDto>> {
    return data(this.state.health());
  }

  @Get('ready')
  @Endpoint({ summary: 'Whether it may take traffic', answers: HealthDto, errors: ['OVERLOADED'] })
  ready(): Promise<Data<HealthDto>> {
    return data(this.state.ready());
  }

  @Get('version')
  @Endpoint({ summary: 'What is running', answers: VersionDto })
  version(): Promise<Data<VersionDto>> {
    return data(this.state.version());
  }
}
