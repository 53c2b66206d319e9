import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ERROR_HELP, type ErrorHelp } from './error-help.js';
import { type ErrorCode, ERRORS, ERRORS_PATH } from './errors.js';
import { FixedAnswer } from './fixed-answer.js';

/** Serves the page that the `docs_url` of every error leads to. */
export function serveErrorsPage(server: FastifyInstance): void {
  const page = new FixedAnswer('text/html; charset=utf-8', errorsPage);
  server.get(ERRORS_PATH, (request: FastifyRequest, reply: FastifyReply) => page.send(request, reply));
}

const STYLE = `
  :root { color-scheme: light dark; --ink: #1b1f2a; --soft: #5b6475; --paper: #f3f5f9; --card: #fff; --line: #d9dee8; --accent: #2f5bea; }
  @media (prefers-color-scheme: dark) { :root { --ink: #eef1f7; --soft: #a7b0c2; --paper: #12151c; --card: #1b202b; --line: #343c4d; --accent: #8aa8ff; } }
  * { box-sizing: border-box; }
  body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, sans-serif; }
  main { max-width: 46rem; margin: 0 auto; padding: 2rem 1rem 4rem; }
  a { color: var(--accent); }
  section { margin: 1rem 0; padding: 1.1rem 1.25rem; background: var(--card); border: 1px solid var(--line); border-radius: 12px; scroll-margin-top: 1rem; }
  section:target { border-color: var(--accent); box-shadow: 0 0 0 2px var(--accent); }
  h1 { margin: 0 0 .5rem; font-size: 1.6rem; } h2 { margin: 0 0 .5rem; font-size: 1.05rem; overflow-wrap: anywhere; }
  h2 a { color: inherit; text-decoration: none; }
  h2 span { margin-left: .5rem; color: var(--soft); font-weight: 400; }
  p { margin: 0; color: var(--soft); }
  dl { display: grid; grid-template-columns: 4.5rem 1fr; gap: .35rem 1rem; margin: .75rem 0 0; }
  dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
  code { font: .92em ui-monospace, monospace; }
  @media (max-width: 30rem) { dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: .5rem; } }
`;

function errorsPage(): string {
  const sections = (Object.keys(ERRORS) as ErrorCode[]).map((code) => section(code, ERROR_HELP[code]));
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>Errors · Assimetria Credits API</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>Errors</h1>
<p>Every error has a stable <code>code</code>, and a <code>trace_id</code> under which the log tells of the request. Decide by the code, never by the message. <a href="/api/docs">All operations</a></p>
${sections.join('\n')}
</main>
</body>
</html>
`;
}

function section(code: ErrorCode, { cause, fix, retry }: ErrorHelp): string {
  const { status, message } = ERRORS[code];
  return `<section id="${code}">
<h2><a href="#${code}">${code}</a><span>${status}</span></h2>
<p>${marked(message)}</p>
<dl><dt>Cause</dt><dd>${marked(cause)}</dd><dt>Fix</dt><dd>${marked(fix)}</dd><dt>Retry</dt><dd>${marked(retry)}</dd></dl>
</section>`;
}

/** Text of ours as HTML; what stands between backquotes is code. */
function marked(text: string): string {
  const escaped = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  return escaped.replace(/`([^`]+)`/g, '<code>$1</code>');
}
