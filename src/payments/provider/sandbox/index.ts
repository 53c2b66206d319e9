export * from './sandbox.controller.js';
export * from './sandbox.entities.js';
export { SandboxProvider } from './sandbox.provider.js';
