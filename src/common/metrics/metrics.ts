import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { Config } from '../config/index.js';

/** The metrics of the process, served as `GET /metrics` on a port of their own. Without that port it counts nothing. */
@Injectable()
export class Metrics implements OnApplicationBootstrap, OnApplicationShutdown {
  /** Each module registers its metrics here. */
  readonly registry = new Registry();
  readonly enabled: boolean;
  private readonly logger = new Logger(Metrics.name);
  private server?: Server;

  constructor(
    private readonly config: Config,
    private readonly host: HttpAdapterHost,
  ) {
    this.enabled = config.metrics !== undefined;
  }

  async onApplicationBootstrap(): Promise<void> {
    const { metrics } = this.config;
    // A command runs beside a server, which uses the port.
    if (!metrics || !this.host.httpAdapter) return;
    collectDefaultMetrics({ register: this.registry });
    this.server = createServer((request, response) => {
      if (request.method !== 'GET' || request.url !== '/metrics') return void response.writeHead(404).end();
      this.registry.metrics().then(
        (text) => response.writeHead(200, { 'Content-Type': this.registry.contentType }).end(text),
        (error: Error) => {
          this.logger.error(`the metrics could not be read: ${error.message}`);
          response.writeHead(500).end();
        },
      );
    });
    this.server.listen(metrics.port, metrics.host);
    await once(this.server, 'listening');
  }

  async onApplicationShutdown(): Promise<void> {
    if (!this.server) return;
    this.server.closeAllConnections();
    await new Promise((closed) => this.server!.close(closed));
  }
}
