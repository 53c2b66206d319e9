import { createSecretKey } from 'node:crypto';
import { parseArgs } from 'node:util';
import { SignJWT } from 'jose';
import { ConfigError, currentConfig } from '../common/config/index.js';

const USAGE = 'npm run token -- --user <id> [--org <id>] [--admin] [--expires 1h]';

/** Prints a token for trying the API out, signed with this installation's secret. */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { user: { type: 'string' }, org: { type: 'string' }, admin: { type: 'boolean' }, expires: { type: 'string', default: '1h' } },
  });
  if (!values.user) throw new Error(USAGE);
  const { key, issuer, audience } = currentConfig().jwt;
  if (key.kind !== 'secret')
    throw new Error('Only an installation with JWT_SECRET can mint tokens; with a public key or a key set their owner does.');
  const token = new SignJWT({ ...(values.org ? { org_id: values.org } : {}), ...(values.admin ? { role: 'admin' } : {}) })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setSubject(values.user)
    .setIssuedAt()
    .setExpirationTime(values.expires);
  if (issuer) token.setIssuer(issuer);
  if (audience) token.setAudience(audience);
  process.stdout.write(`${await token.sign(createSecretKey(key.secret, 'utf8'))}\n`);
}

main().catch((error: Error) => {
  process.stderr.write(`${error instanceof ConfigError || error.message === USAGE ? error.message : `${error.message}\n${USAGE}`}\n`);
  process.exitCode = 1;
});
