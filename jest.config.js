import { readdirSync, readFileSync } from 'node:fs';

/** The quick tier needs no server and at most one browser. */
const QUICK = ['<rootDir>/test/{unit,contract}/**/*.test.ts', '<rootDir>/test/e2e/{guide,sandbox}.test.ts'];
const ALL = ['<rootDir>/test/**/*.test.ts'];

/**
 * The rest: every other file, and on the servers those of the quick tier that run on each database, see
 * `describeEachDatabase`.
 */
function rest() {
  const onOne = readdirSync('test/contract').filter(
    (file) => !readFileSync(`test/contract/${file}`, 'utf8').includes('describeEachDatabase'),
  );
  const done = ['unit/**', 'e2e/{guide,sandbox}.test.ts', ...onOne.map((file) => `contract/${file}`)];
  return [...ALL, ...done.map((pattern) => `!**/test/${pattern}`)];
}

const tier = process.env.TEST_TIER;

/** Native ECMAScript modules: jest on Node 20 can't `require` the packages that this project is made of. */
export default {
  testMatch: tier === 'quick' ? QUICK : tier === 'rest' ? rest() : ALL,
  extensionsToTreatAsEsm: ['.ts'],
  resolver: '<rootDir>/test/support/jest-resolver.cjs',
  transform: {
    '\\.ts$': [
      '@swc/jest',
      {
        module: { type: 'es6' },
        jsc: {
          target: 'es2022',
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: false },
        },
      },
    ],
  },
  globalSetup: '<rootDir>/test/support/global-setup.mjs',
  testEnvironment: 'node',
  // It only ends what hangs: a machine that is busy with other things may take many times as long as an idle one.
  testTimeout: 180_000,
  // The tests wait for servers and databases more than they compute.
  maxWorkers: 2,
  verbose: false,
};
