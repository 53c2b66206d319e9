import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Image } from '../support/image.js';
import { freePort, Server } from '../support/server.js';
import { JWT_SECRET } from '../support/tokens.js';

/** Two installations from the registry and a build. */
const BUILT_WITHIN_MS = 1_200_000;
/** About the machine's own configuration, and not about what is installed. */
const OWN_CONFIGURATION = /^npm warn (config|Unknown \w+ config)/;

const root = process.getuid?.() === 0;
const describeAsRoot = root || process.env['REQUIRE_ALL_DATABASES'] === '1' ? describe : describe.skip;

describeAsRoot(`the image${root ? '' : ': SKIPPED, because only root can contain a process'}`, () => {
  let image: Image;
  beforeAll(async () => {
    image = await Image.build();
  }, BUILT_WITHIN_MS);
  afterAll(() => image?.remove());

  it('is installed without a warning', () => {
    expect(image.log.split('\n').filter((line) => /^npm warn/i.test(line) && !OWN_CONFIGURATION.test(line))).toEqual(
      [],
    );
  });

  it('serves as a user who is not root, of files that nobody can write, and is healthy once it does', async () => {
    const port = await freePort();
    const env = { PORT: String(port), HOST: '127.0.0.1', DATABASE_URL: 'sqlite:./data/credits.sqlite', JWT_SECRET };
    expect(await image.check(env)).toBe(1);
    const child = image.start(env);
    const server = new Server(child, port, image.directory);
    await server.ready();
    expect(await image.check(env)).toBe(0);
    const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
    expect(/^Uid:\s+(.*)$/m.exec(status)?.[1]).toBe('1000\t1000\t1000\t1000');
    const mounts = readFileSync(`/proc/${child.pid}/mounts`, 'utf8');
    expect(mounts).toMatch(/ \/ \S+ ro[, ]/);
    const admin = await server.clientFor({ sub: 'root', admin: true });
    expect((await admin.post('/api/credits/deposit', { amount: 1, description: 'x', account: 'user:1' })).status).toBe(
      201,
    );
    expect(await server.stop()).toBe(0);
  });
});
