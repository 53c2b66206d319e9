// The built app with another way to change a balance in place of the lanes: tsx same-stack.ts transaction|mutex|nothing
// Everything else is the product's own: HTTP, guards, validation, schema, pool and log.
import 'reflect-metadata';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { DataSource } from 'typeorm';
import { built } from './built.js';
import { Nothing } from './nothing.js';
import { behindMutex, TransactionPerRequest } from './transaction-per-request.js';

// tsx turns them on, which makes every thrown error cost more than it does in the product.
process.setSourceMapsEnabled(false);

const { AppModule } = await built<typeof import('../../../src/app.module.js')>('app.module.js');
const { partiesOf } = await built<typeof import('../../../src/auth/index.js')>('auth/index.js');
const { currentConfig } = await built<typeof import('../../../src/common/config/index.js')>('common/config/index.js');
const { configureHttp, createAdapter } =
  await built<typeof import('../../../src/common/http/index.js')>('common/http/index.js');
const { createLogger, NestLogger } =
  await built<typeof import('../../../src/common/logging/index.js')>('common/logging/index.js');
const domain = await built<typeof import('../../../src/ledger/domain/index.js')>('ledger/domain/index.js');
const { Lanes } = await built<typeof import('../../../src/ledger/index.js')>('ledger/index.js');
const store = await built<typeof import('../../../src/ledger/store/index.js')>('ledger/store/index.js');

const WRITERS: Record<string, (dataSource: DataSource) => object> = {
  transaction: (dataSource) => new TransactionPerRequest(dataSource, store, domain),
  mutex: (dataSource) => behindMutex(new TransactionPerRequest(dataSource, store, domain)),
  nothing: () => new Nothing(domain),
};
const writer = WRITERS[process.argv[2] ?? ''];
if (!writer) throw new Error(`name one of ${Object.keys(WRITERS).join(', ')}`);

const config = currentConfig();
const logger = createLogger(config);
const nestLogger = new NestLogger(logger);
const testing = await Test.createTestingModule({ imports: [AppModule] })
  .setLogger(nestLogger)
  .overrideProvider(Lanes)
  .useFactory({ inject: [DataSource], factory: writer })
  .compile();
const app = testing.createNestApplication<NestFastifyApplication>(createAdapter(logger), {
  logger: nestLogger,
  bodyParser: false,
});
await configureHttp(app, config, partiesOf);
await app.listen(config.port, config.host);
