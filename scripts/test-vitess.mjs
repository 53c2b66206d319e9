// Builds Vitess and etcd from the Go module proxy into .tmp/vitess (once, some ten minutes; git ignores the folder) and
// runs the tests on them. Needs Go, root, and the MySQL that the script of TEST_MYSQL_CONTROL installs. Arguments go to
// Jest.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const GO = '1.24.13';
const MODULES = {
  'go.etcd.io/etcd/server/v3 v3.5.19': { etcd: 'go.etcd.io/etcd/server/v3' },
  'vitess.io/vitess v0.22.1': Object.fromEntries(
    ['vtgate', 'vttablet', 'vtctldclient'].map((name) => [name, `vitess.io/vitess/go/cmd/${name}`]),
  ),
};

const folder = resolve('.tmp/vitess');
const bin = join(folder, 'bin');
const run = (command, args, options) => {
  const { status, error } = spawnSync(command, args, { stdio: 'inherit', ...options });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? 1);
};

for (const [module, programs] of Object.entries(MODULES)) {
  for (const [name, path] of Object.entries(programs)) {
    if (existsSync(join(bin, name))) continue;
    // A module of our own that requires one version: `go install path@version` first asks for all versions there are.
    const cwd = join(folder, name);
    mkdirSync(cwd, { recursive: true });
    writeFileSync(join(cwd, 'go.mod'), `module tools\n\ngo ${GO}\n\nrequire ${module}\n`);
    process.stdout.write(`Building ${name} …\n`);
    run('go', ['build', '-mod=mod', '-o', join(bin, name), path], {
      cwd,
      env: { ...process.env, GOTOOLCHAIN: `go${GO}` },
    });
  }
}
run('npm', ['run', '--silent', 'test', '--', 'faults/vitess', ...process.argv.slice(2)], {
  env: { ...process.env, VITESS_BIN: bin },
});
