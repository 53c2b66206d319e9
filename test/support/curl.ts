import type { Answer, Client } from './client.js';

/** The curl commands of a text, each on one line. */
export function commandsIn(text: string): string[] {
  return text
    .replace(/\\\n\s*/g, ' ')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line.startsWith('curl '));
}

/** Does what curl would do with these few options. The host of the address is the client's own. */
export function curl(client: Client, command: string): Promise<Answer> {
  const words = [...command.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)]
    .map(([, double, single, plain]) => double ?? single ?? plain!)
    .slice(1);
  const headers: Record<string, string> = {};
  let [url, method, raw]: [string, string | undefined, string | undefined] = ['', undefined, undefined];
  while (words.length > 0) {
    const word = words.shift()!;
    if (word === '-X') method = words.shift();
    else if (word === '-d') raw = words.shift();
    else if (word === '-H') {
      const [name, value] = words.shift()!.split(/:\s*/, 2) as [string, string];
      headers[name.toLowerCase()] = value;
    } else if (word.startsWith('-')) throw new Error(`unknown option ${word} in ${command}`);
    else url = word;
  }
  const { pathname, search } = new URL(url);
  return client.request(method ?? 'GET', pathname + search, { raw, headers });
}
