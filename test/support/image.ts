import { type ChildProcess, execFile, type ExecFileException, spawn } from 'node:child_process';
import { chmodSync, cpSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

const WORKDIR = '/app';

/**
 * What is mounted in a namespace of the container's own: everything read-only but `data`; then the user, who is not
 * root.
 */
const CONTAIN = `
  mount --bind "$1" "$1"
  mount --bind "$1/data" "$1/data"
  mount -o remount,bind,ro "$1"
  mount -o remount,bind,ro /
  cd "$1"
  user="$2"
  shift 2
  exec setpriv --reuid="\${user%:*}" --regid="\${user#*:}" --clear-groups --no-new-privs "$@"`;

/**
 * As much of Docker as our Dockerfile needs, on a machine without one: each stage is a folder, and Node is the
 * machine's. Needs root.
 */
export class Image {
  /** What the steps wrote. */
  log = '';
  /** The last stage. */
  directory = '';
  private readonly stages = new Map<string, string>();
  private env: Record<string, string> = {};
  private user = '0:0';
  private command: string[] = [];
  private health: string[] = [];

  static async build(): Promise<Image> {
    const context = newDirectory();
    for (const line of readFileSync('.dockerignore', 'utf8').split('\n'))
      if (line.startsWith('!')) cpSync(line.slice(1), join(context, line.slice(1)), { recursive: true });
    const image = new Image();
    image.stages.set('', context);
    const instructions = readFileSync('Dockerfile', 'utf8').replaceAll('\\\n', ' ').split('\n');
    for (const line of instructions.filter((each) => each !== '' && !each.startsWith('#'))) {
      const [, instruction = '', rest = ''] = /^(\w+)\s+(.*)$/.exec(line) ?? [];
      await image.step(instruction, rest);
    }
    return image;
  }

  /** Starts the container's command. */
  start(env: Record<string, string>): ChildProcess {
    return spawn('unshare', this.contained(this.command), {
      env: { ...this.environment(), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }

  /** @returns the exit code of the health check */
  check(env: Record<string, string>): Promise<number> {
    return run('unshare', this.contained(this.health), { env: { ...this.environment(), ...env } }).then(
      ({ code }) => code,
    );
  }

  remove(): void {
    for (const directory of this.stages.values()) rmSync(directory, { recursive: true, force: true });
    rmSync(this.directory, { recursive: true, force: true });
  }

  private contained(command: readonly string[]): string[] {
    return ['--mount', 'sh', '-ec', CONTAIN, 'sh', this.directory, this.user, ...command];
  }

  private environment(): Record<string, string | undefined> {
    return { PATH: process.env['PATH'], ...this.env };
  }

  private async step(instruction: string, rest: string): Promise<void> {
    switch (instruction) {
      case 'FROM':
        this.directory = newDirectory();
        this.stages.set(rest.split(' AS ')[1] ?? 'last', this.directory);
        this.env = {};
        return;
      case 'COPY':
        return this.copy(rest.split(' '));
      case 'RUN': {
        const { code, output } = await run('sh', ['-ec', rest], {
          cwd: this.directory,
          env: { ...process.env, NODE_ENV: '', ...this.env },
        });
        this.log += output;
        if (code !== 0) throw new Error(`RUN ${rest} ended with ${code}:\n${output}`);
        return;
      }
      case 'ENV':
        this.env[rest.split('=')[0]!] = rest.slice(rest.indexOf('=') + 1);
        return;
      case 'USER':
        this.user = rest;
        return;
      case 'CMD':
        this.command = JSON.parse(rest) as string[];
        return;
      case 'HEALTHCHECK':
        this.health = JSON.parse(rest.slice(rest.indexOf('['))) as string[];
        return;
      case 'WORKDIR':
      case 'VOLUME':
      case 'EXPOSE':
        return;
      default:
        throw new Error(`the stand-in for Docker does not know ${instruction}`);
    }
  }

  /** A folder's content goes into the target, a file under its own name. */
  private copy(words: string[]): void {
    const from = words[0]!.startsWith('--from=') ? words.shift()!.slice('--from='.length) : '';
    const target = join(this.directory, words.pop()!);
    for (const word of words) {
      const source = join(this.stages.get(from)!, word.replace(WORKDIR, ''));
      cpSync(source, statSync(source).isDirectory() ? target : join(target, basename(source)), {
        recursive: true,
        verbatimSymlinks: true,
      });
    }
  }
}

function newDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'credits-image-'));
  chmodSync(directory, 0o755);
  return directory;
}

function run(file: string, args: readonly string[], options: object): Promise<{ code: number; output: string }> {
  return new Promise((done) =>
    execFile(file, args, { ...options, maxBuffer: 2 ** 26 }, (error: ExecFileException | null, stdout, stderr) =>
      done({ code: error ? Number(error.code ?? -1) : 0, output: `${String(stdout)}${String(stderr)}` }),
    ),
  );
}
