export { Jobs, JobsModule } from './jobs.js';
export { Lease } from './lease.js';
export type { Job, Worker } from './worker.js';
