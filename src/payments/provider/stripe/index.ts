export * from './stripe.provider.js';
export * from './stripe.signature.js';
