/** Text that is already HTML. */
export class Html {
  constructor(readonly text: string) {}

  toString(): string {
    return this.text;
  }
}

type Part = string | number | Html | readonly (Html | '')[];

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** An HTML template. It escapes its values, unless they come from this same tag. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return new Html(strings.reduce((text, string, i) => text + render(parts[i - 1] ?? '') + string));
}

function render(part: Part): string {
  if (part instanceof Html) return part.text;
  if (typeof part === 'object') return part.join('');
  return String(part).replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
}

/** The mood of a page or a note. */
export type Tone = 'good' | 'bad' | 'pending' | 'back';

interface Layout {
  title: string;
  /** Shows a sign beside the heading. */
  tone?: Tone;
  /** Shows the banner that says that no real money moves. */
  sandbox: boolean;
  /** Reloads the page every so many seconds. */
  refreshSeconds?: number;
  content: Html;
}

const SIGNS: Record<Tone, string> = {
  good: 'M5 12.5l4.5 4.5L19 7.5',
  bad: 'M12 6v8M12 17.6v.4',
  pending: 'M12 6.5v5.7l3.8 2.2',
  back: 'M9 6L4 11l5 5M4 11h10.5a4.5 4.5 0 0 1 0 9H11',
};

function sign(tone: Tone): Html {
  return html`<svg class="sign ${tone}" viewBox="0 0 24 24" aria-hidden="true"><path d="${SIGNS[tone]}" /></svg>`;
}

const STYLE = new Html(`
  :root { color-scheme: light dark; --ink: #1b1f2a; --soft: #5b6475; --paper: #f3f5f9; --card: #fff; --line: #d9dee8; --accent: #2f5bea; --on-accent: #fff; --good: #14723f; --bad: #b3261e; --pending: #8a5a00; }
  @media (prefers-color-scheme: dark) { :root { --ink: #eef1f7; --soft: #a7b0c2; --paper: #12151c; --card: #1b202b; --line: #343c4d; --accent: #8aa8ff; --on-accent: #10131a; --good: #6fd39a; --bad: #ff9c94; --pending: #ffcf66; } }
  * { box-sizing: border-box; }
  body { margin: 0; min-height: 100vh; display: flex; flex-direction: column; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
  .banner { position: sticky; top: 0; padding: .65rem 1rem; background: #ffd54a; color: #2b2100; text-align: center; font-weight: 600; }
  main { flex: 1; display: grid; place-items: center; padding: 1.25rem 1rem; }
  .card { width: 100%; max-width: 26rem; padding: 1.75rem; background: var(--card); border: 1px solid var(--line); border-radius: 14px; box-shadow: 0 8px 28px rgb(20 30 60 / .08); }
  h1 { margin: 0 0 .25rem; font-size: 1.3rem; line-height: 1.3; }
  p { margin: 0 0 .75rem; color: var(--soft); }
  .sign { display: block; width: 2.75rem; height: 2.75rem; margin-bottom: .9rem; padding: .35rem; border-radius: 50%; background: var(--paper); fill: none; stroke: currentColor; stroke-width: 2.2; stroke-linecap: round; stroke-linejoin: round; }
  .sign.good { color: var(--good); } .sign.bad { color: var(--bad); } .sign.pending { color: var(--pending); } .sign.back { color: var(--soft); }
  .price { margin: 1.1rem 0; font-size: 2.2rem; font-weight: 700; line-height: 1.1; color: var(--ink); }
  .note { padding: .65rem .8rem; border-left: 4px solid var(--line); background: var(--paper); color: var(--ink); }
  .note.good { border-color: var(--good); } .note.bad { border-color: var(--bad); } .note.pending { border-color: var(--pending); }
  form, nav { display: grid; gap: .6rem; margin-top: 1.25rem; }
  button, .button { display: block; width: 100%; padding: .8rem 1rem; border: 1px solid var(--line); border-radius: 10px; background: transparent; color: var(--ink); font: inherit; font-weight: 600; text-align: center; text-decoration: none; cursor: pointer; }
  button:hover, .button:hover { border-color: var(--soft); }
  button.main, .button.main { border-color: var(--accent); background: var(--accent); color: var(--on-accent); }
  :focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
  dl { display: grid; grid-template-columns: auto 1fr; gap: .35rem 1rem; margin: 1.1rem 0; font-size: .95rem; }
  dt { color: var(--soft); } dd { margin: 0; text-align: right; overflow-wrap: anywhere; }
  small { display: block; margin-top: 1.1rem; color: var(--soft); overflow-wrap: anywhere; }
`);

/** A whole page. It works without scripts, on a phone and on a desktop. */
export function page({ title, tone, sandbox, refreshSeconds, content }: Layout): string {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="robots" content="noindex" />
        <link rel="icon" href="data:," />
        ${refreshSeconds ? html`<meta http-equiv="refresh" content="${refreshSeconds}" />` : ''}
        <title>${title}</title>
        <style>
          ${STYLE}
        </style>
      </head>
      <body>
        ${sandbox ? html`<div class="banner" role="note">Sandbox — no real money moves</div>` : ''}
        <main><section class="card">${tone ? sign(tone) : ''} ${content}</section></main>
      </body>
    </html> `.text;
}
