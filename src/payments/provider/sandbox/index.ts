export * from './sandbox.controller.js';
export { SandboxReversal, SandboxSession } from './sandbox.entities.js';
export { SandboxProvider } from './sandbox.provider.js';
