import prettier from 'eslint-config-prettier';
import tseslint from 'typescript-eslint';

/** What only some places may touch. */
const environment = { object: 'process', property: 'env', message: 'Only src/common/config reads the environment.' };
const impure = 'The domain is pure: time and chance come in as arguments.';

export default tseslint.config(
  { ignores: ['dist/', 'coverage/', 'data/', '.tmp/'] },
  ...tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      eqeqeq: 'error',
      'no-console': 'error',
      'prefer-const': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/return-await': ['error', 'error-handling-correctness-only'],
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/no-unnecessary-condition': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/only-throw-error': 'error',
      '@typescript-eslint/require-await': 'off',
    },
  },
  { files: ['src/**/*.ts'], rules: { 'max-lines': ['error', 300], 'max-params': ['error', 6] } },
  {
    files: ['src/**/*.ts'],
    ignores: ['**/migrations/**'],
    rules: { 'max-lines-per-function': ['error', 50], complexity: ['error', 12] },
  },
  {
    files: ['src/**/*.ts'],
    ignores: ['src/common/config/**'],
    rules: { 'no-restricted-properties': ['error', environment] },
  },
  {
    files: ['src/ledger/domain/**/*.ts', 'src/pricing/domain/**/*.ts'],
    rules: {
      'no-restricted-globals': [
        'error',
        ...[
          'Date',
          'performance',
          'process',
          'crypto',
          'setTimeout',
          'setInterval',
          'setImmediate',
          'fetch',
          'console',
        ].map((name) => ({
          name,
          message: impure,
        })),
      ],
      'no-restricted-properties': ['error', { object: 'Math', property: 'random', message: impure }],
    },
  },
  {
    // What a server answers is looked at as it comes: the assertions are its types.
    files: ['test/**/*.ts'],
    rules: {
      '@typescript-eslint/no-explicit-any': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
    },
  },
  { files: ['**/*.{js,mjs,cjs}'], extends: [tseslint.configs.disableTypeChecked] },
  { files: ['scripts/**'], rules: { 'no-console': 'off' } },
  prettier,
  {
    rules: {
      'max-len': [
        'error',
        { code: 120, ignoreStrings: true, ignoreTemplateLiterals: true, ignoreRegExpLiterals: true },
      ],
    },
  },
);
