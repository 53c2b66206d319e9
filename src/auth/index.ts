export * from './account.dto.js';
export * from './auth.module.js';
export * from './decorators.js';
export * from './principal.js';
export * from './token-signer.js';
export * from './token-verifier.js';
