/** The arrows of the house, see docs/architecture.md. Each layer lists all that it may import of the others. */
const LAYERS = {
  common: [],
  auth: ['common'],
  ledger: ['common'],
  reference: ['auth', 'common'],
  pricing: ['auth', 'common'],
  wallet: ['ledger', 'pricing', 'auth', 'common'],
  credits: ['wallet', 'pricing', 'auth', 'common'],
  tokens: ['wallet', 'pricing', 'auth', 'common'],
  payments: ['credits', 'tokens', 'wallet', 'auth', 'common'],
  admin: ['payments', 'credits', 'tokens', 'wallet', 'ledger', 'pricing', 'auth', 'common'],
};

/** The same within the ledger. */
const ROOMS_OF_LEDGER = {
  domain: [],
  store: ['domain'],
  engine: ['store', 'domain'],
  read: ['store', 'domain'],
  proof: ['store', 'domain'],
  follow: ['engine', 'read', 'store', 'domain'],
};

/** The rooms of payments, and what each may import of the others. */
const ROOMS_OF_PAYMENTS = {
  migrations: [],
  html: [],
  provider: ['html'],
  checkout: ['provider', 'html'],
  settlement: ['checkout', 'provider'],
  refunds: ['settlement', 'checkout', 'provider'],
  reconciliation: ['refunds', 'settlement', 'checkout', 'provider'],
  pages: ['settlement', 'checkout', 'html'],
};

const arrowsIn = (folder, rooms) =>
  Object.entries(rooms).map(([room, below]) => ({
    name: `${folder}${room}-imports-only-${below.join('-') || 'itself'}`,
    severity: 'error',
    from: { path: `^${folder}${room}/` },
    to: { path: `^${folder}`, pathNot: `^${folder}(${[room, ...below].join('|')})/` },
  }));

export default {
  forbidden: [
    ...arrowsIn('src/', LAYERS),
    ...arrowsIn('src/ledger/', ROOMS_OF_LEDGER),
    ...arrowsIn('src/payments/', ROOMS_OF_PAYMENTS),
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'modules-through-their-index',
      severity: 'error',
      from: { path: '^src/([^/]+)/' },
      to: {
        path: '^src/[^/]+/',
        pathNot: ['^src/$1/', '^src/(?!common/)[^/]+/index\\.ts$', '^src/common/[^/]+/index\\.ts$'],
      },
    },
    {
      name: 'parts-of-common-through-their-index',
      severity: 'error',
      from: { path: '^src/common/([^/]+)/' },
      to: { path: '^src/common/', pathNot: ['^src/common/$1/', '^src/common/[^/]+/index\\.ts$'] },
    },
    {
      name: 'modules-through-their-index-from-outside',
      comment:
        'The files at the top of src and the TypeORM command line put modules together; they see no more of them than their neighbours do. Migrations have a door of their own, because a command needs the schema of payments and no payment provider.',
      severity: 'error',
      from: { path: '^(src/[^/]+|ormconfig)\\.ts$' },
      to: {
        path: '^src/[^/]+/',
        pathNot: ['^src/(?!common/)[^/]+/(migrations/)?index\\.ts$', '^src/common/[^/]+/index\\.ts$'],
      },
    },
    {
      name: 'rooms-of-the-ledger-through-their-index',
      severity: 'error',
      from: { path: '^src/ledger/([^/]+)' },
      to: { path: '^src/ledger/[^/]+/', pathNot: ['^src/ledger/$1/', '^src/ledger/[^/]+/index\\.ts$'] },
    },
    {
      name: 'domain-is-pure',
      severity: 'error',
      from: { path: '^src/ledger/domain/' },
      to: { pathNot: '^src/ledger/domain/' },
    },
    {
      name: 'prices-are-pure',
      comment: 'A hash and canonical JSON are functions of what they are given.',
      severity: 'error',
      from: { path: '^src/pricing/domain/' },
      to: { pathNot: ['^src/pricing/domain/', '^crypto$', '^node:crypto$', 'node_modules/safe-stable-stringify/'] },
    },
    {
      name: 'rooms-of-payments-through-their-index',
      severity: 'error',
      from: { path: '^src/payments/([^/]+)' },
      to: { path: '^src/payments/[^/]+/', pathNot: ['^src/payments/$1/', '^src/payments/[^/]+/index\\.ts$'] },
    },
    {
      name: 'providers-through-their-index',
      severity: 'error',
      from: { path: '^src/payments/(provider/[^/]+)' },
      to: {
        path: '^src/payments/provider/[^/]+/',
        pathNot: ['^src/payments/$1/', '^src/payments/provider/[^/]+/index\\.ts$'],
      },
    },
    {
      name: 'stripe-in-one-folder',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/payments/provider/stripe/' },
      to: { path: '(^|node_modules/)stripe(/|$)' },
    },
    { name: 'nothing-unresolved', severity: 'error', from: {}, to: { couldNotResolve: true } },
    { name: 'nothing-undeclared', severity: 'error', from: {}, to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] } },
    {
      name: 'product-without-dev-dependencies',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
    { name: 'product-without-tests', severity: 'error', from: { path: '^src/' }, to: { path: '^(test|scripts)/' } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
};
