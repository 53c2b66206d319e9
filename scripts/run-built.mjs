// Runs a file of `dist`, which is built first where it is missing or old: node scripts/run-built.mjs <file> [arguments]
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { ensureBuilt } from './ensure-built.mjs';

const [file, ...args] = process.argv.slice(2);
ensureBuilt();
const { status } = spawnSync(process.execPath, [resolve('dist', file), ...args], { stdio: 'inherit' });
process.exitCode = status ?? 1;
