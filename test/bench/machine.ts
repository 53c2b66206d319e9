import { spawnSync } from 'node:child_process';
import { closeSync, fsyncSync, openSync, readFileSync, statfsSync, unlinkSync, writeSync } from 'node:fs';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { join } from 'node:path';

/** Linux counts processor time in hundredths of a second, whatever its kernel was built with. */
const TICK_US = 10_000;
const TMPFS = 0x01021994;

const CORES = availableParallelism();
const canPin = CORES > 1 && spawnSync('taskset', ['-c', '0', 'true']).status === 0;

/** The core of the server under test, and that of the load; the database may use either. */
export const SERVER_CORE = 0;
export const LOAD_CORE = 1;

/** The command, bound to one core where the machine has two and can do so. */
export function pinned(core: number, command: readonly [string, ...string[]]): readonly [string, ...string[]] {
  return canPin ? ['taskset', '-c', String(core), ...command] : command;
}

/** The processor time that a process has used so far, in microseconds; undefined where there is no /proc. */
export function cpuMicroseconds(pid: number): number | undefined {
  // The name, in brackets, may hold spaces; the fields behind it don't.
  const fields = readProc(pid, 'stat')?.split(') ').at(-1)?.split(' ');
  return fields && (Number(fields[11]) + Number(fields[12])) * TICK_US;
}

/** The memory that a process has resident, in MB; undefined where there is no /proc. */
export function residentMegabytes(pid: number): number | undefined {
  const kilobytes = /^VmRSS:\s+(\d+)/m.exec(readProc(pid, 'status') ?? '')?.[1];
  return kilobytes === undefined ? undefined : Number(kilobytes) / 1024;
}

function readProc(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return undefined;
  }
}

/** What the numbers depend on of the machine. */
export function machineConditions(directory: string): string[] {
  const memory = statfsSync(directory).type === TMPFS;
  return [
    `${CORES} cores (${cpus()[0]?.model.trim() ?? 'unknown'}), ${Math.round(totalmem() / 1024 ** 3)} GB, Node ${process.version}`,
    canPin
      ? 'the server on one core, the load on another, the database on both'
      : 'server, load and database share the cores, because they can not be pinned',
    `an fsync of 4 KB takes ${Math.round(fsyncMicroseconds(join(directory, 'fsync')))} µs here (median of 200)${memory ? '; the data lie in memory, where durability costs nothing' : ''}`,
  ];
}

function fsyncMicroseconds(file: string): number {
  const block = Buffer.alloc(4096, 1);
  const descriptor = openSync(file, 'w');
  const times = Array.from({ length: 200 }, () => {
    const before = performance.now();
    writeSync(descriptor, block);
    fsyncSync(descriptor);
    return (performance.now() - before) * 1000;
  });
  closeSync(descriptor);
  unlinkSync(file);
  return times.sort((a, b) => a - b)[100]!;
}
