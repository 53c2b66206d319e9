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
  @Endpoint({
    summary: 'Liveness',
    description: 'For liveness probes: 503 while the database does not answer. It ignores the query string.',
    answers: HealthDto,
    anyQuery: true,
  })
  health(): Promise<Data<HealthDto>> {
    return data(this.state.health());
  }

  @Get('ready')
  @Endpoint({
    summary: 'Readiness',
    description:
      'For load balancers: 503 while the database does not answer, lacks migrations, or the server is stopping. It ignores the query string.',
    answers: HealthDto,
    anyQuery: true,
  })
  ready(): Promise<Data<HealthDto>> {
    return data(this.state.ready());
  }

  @Get('version')
  @Endpoint({
    summary: 'Running version',
    description: "The server's name and version, and the version of Node.js under it. It ignores the query string.",
    answers: VersionDto,
    anyQuery: true,
  })
  version(): Promise<Data<VersionDto>> {
    return data(this.state.version());
  }
}
