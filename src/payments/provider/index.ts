export * from './choose.js';
export * from './payment-provider.js';
export * from './purchase-id.js';
export { SandboxController, SandboxProvider, SandboxReversal, SandboxSession } from './sandbox/index.js';
