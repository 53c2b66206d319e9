import { existsSync } from 'node:fs';
import { ensureBuilt } from '../../scripts/ensure-built.mjs';

/** The tests drive the built server, so that what they prove is what runs. */
export default function globalSetup() {
  ensureBuilt();
  for (const variable of process.env.TEST_TIER === 'quick' ? [] : ['TEST_MARIADB_URL', 'TEST_MYSQL_URL']) {
    if (!process.env[variable]) tell(`${variable} names no server: the tests on that engine are SKIPPED.`);
  }
  const chromium = process.env.CHROMIUM_PATH ?? '/usr/bin/chromium';
  if (!existsSync(chromium)) tell(`There is no ${chromium} (set CHROMIUM_PATH): the tests in a browser are SKIPPED.`);
}

function tell(text) {
  process.stderr.write(`${text}\n`);
}
