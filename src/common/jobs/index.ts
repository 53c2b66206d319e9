export { Jobs, JobsModule } from './jobs.js';
export { Lease } from './lease.js';
export type { Worker } from './worker.js';
