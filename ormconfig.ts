import 'reflect-metadata';
import { currentConfig } from './src/common/config/index.js';
import { dataSourceOptions, newDataSource } from './src/common/database/index.js';
import { LEDGER_ENTITIES } from './src/ledger/index.js';
import { MIGRATIONS } from './src/migrations.js';
import { PAYMENTS_ENTITIES } from './src/payments/index.js';
import { PRICING_ENTITIES } from './src/pricing/index.js';

/** For the TypeORM command line: `npm run typeorm -- schema:log`, `npm run typeorm -- migration:show`. */
export default newDataSource(
  dataSourceOptions(
    currentConfig().database,
    [...LEDGER_ENTITIES, ...PAYMENTS_ENTITIES, ...PRICING_ENTITIES],
    MIGRATIONS,
  ),
);
