import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { resolve } from 'node:path';

/** The database. The URL's scheme chooses the engine; its parameters have been read and removed. */
export type DatabaseConfig = { kind: 'sqlite'; file: string } | { kind: 'mysql'; url: string; tls?: DatabaseTls };

/** The encryption of connections to the database, in the driver's options. */
interface DatabaseTls {
  /** Whether the server's certificate must come from a trusted authority. */
  readonly rejectUnauthorized: boolean;
  /** Whether the certificate must also name the URL's host. */
  readonly verifyIdentity: boolean;
  /** The certificates of the trusted authorities, in PEM; by default those that Node trusts. */
  readonly ca?: string;
}

/** The modes of MySQL's own clients. */
const TLS_MODES = new Map<string, DatabaseTls>([
  ['required', { rejectUnauthorized: false, verifyIdentity: false }],
  ['verify_ca', { rejectUnauthorized: true, verifyIdentity: false }],
  ['verify_identity', { rejectUnauthorized: true, verifyIdentity: true }],
]);

/**
 * Reads `DATABASE_URL`.
 * @param problems receives a sentence for each problem; none repeats a password
 */
export function readDatabase(value: string, problems: string[]): DatabaseConfig {
  const wrong = (text: string) => void problems.push(`DATABASE_URL${text}`);
  if (value.startsWith('sqlite:')) {
    const file = value.slice('sqlite:'.length).replace(/^\/\/(?=\/)/, '');
    if (file === '' || file === ':memory:') wrong(': sqlite needs a file, such as sqlite:./data/credits.sqlite');
    else if (file.includes('?')) wrong(': sqlite takes no parameters');
    return { kind: 'sqlite', file: resolve(file) };
  }
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (!url || !/^(mysql|mariadb):$/.test(url.protocol)) {
    wrong(' must begin with sqlite: or mysql://');
    return { kind: 'sqlite', file: '' };
  }
  if (url.hostname === '' || url.pathname.length < 2 || url.hash !== '')
    wrong(': mysql needs a host and a database, such as mysql://user:password@host:3306/name');
  const tls = readTls(url, wrong);
  return { kind: 'mysql', url: value.replace(/\?.*$/s, ''), ...(tls && { tls }) };
}

function readTls({ searchParams: parameters, hostname }: URL, wrong: (text: string) => void): DatabaseTls | undefined {
  refuseUnknown(parameters, wrong);
  const [mode, file] = [parameters.get('ssl'), parameters.get('ssl_ca')];
  const tls = TLS_MODES.get(mode ?? '');
  if (mode !== null && !tls) wrong(`: ssl must be one of ${[...TLS_MODES.keys()].join(', ')}`);
  // For an address, the driver would check the certificate against the name `localhost`.
  if (tls?.verifyIdentity && isIP(hostname.replace(/[[\]]/g, '')) > 0)
    wrong(': ssl=verify_identity needs the name of a host, not an address');
  if (file === null) return tls;
  if (!tls?.rejectUnauthorized) wrong(': ssl_ca needs ssl=verify_ca or ssl=verify_identity');
  try {
    const ca = readFileSync(file, 'utf8');
    new X509Certificate(ca);
    return tls && { ...tls, ca };
  } catch (error) {
    wrong(`: ssl_ca must be a file of certificates in PEM: ${(error as Error).message}`);
    return tls;
  }
}

function refuseUnknown(parameters: URLSearchParams, wrong: (text: string) => void): void {
  for (const name of new Set(parameters.keys())) {
    if (name !== 'ssl' && name !== 'ssl_ca')
      wrong(`: the parameter ${name.slice(0, 40)} is not known; ssl and ssl_ca are`);
    else if (parameters.getAll(name).length > 1) wrong(`: ${name} is given twice`);
  }
}
