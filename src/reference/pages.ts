const head = (title: string, styles: readonly string[]) => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>${title}</title>
${styles.map((href) => `<link rel="stylesheet" href="${href}">`).join('\n')}
</head>`;

const scripts = (sources: readonly string[]) => sources.map((src) => `<script src="${src}"></script>`).join('\n');

const TOKEN_MAKER = `<form>
<label>User <input type="text" name="user" value="42" required maxlength="100" autocomplete="off"></label>
<label><input type="checkbox" name="admin"> Administrator</label>
<button>Make a token</button>
<output></output>
</form>`;

/**
 * Swagger UI, with a word on where tokens come from.
 * @param makesTokens whether this server makes tokens for trying it out
 */
export function swaggerPage(makesTokens: boolean): string {
  return `${head('Assimetria Credits API', ['/api/docs/swagger-ui.css', '/api/docs/docs.css'])}
<body>
<header><div>
<strong>Assimetria Credits API</strong>
<a href="/api/reference">Reference</a>
<a href="/api/docs/openapi.json">OpenAPI</a>
</div></header>
<section class="token" aria-labelledby="token">
<h2 id="token">Where does a token come from?</h2>
<p>Your identity provider signs a JWT with the key that this server knows: <code>sub</code> is the user, <code>org_id</code> the organization, <code>role</code> is <code>admin</code> for administrators. ${
    makesTokens
      ? 'This server is for trying out, so it makes one for you; on a terminal, <code>npm run token -- --user 42</code> does.'
      : 'Put it into “Authorize”.'
  }</p>
${makesTokens ? TOKEN_MAKER : ''}
</section>
<div id="swagger-ui"></div>
${scripts(['/api/docs/swagger-ui-bundle.js', '/api/docs/docs.js'])}
</body>
</html>
`;
}

/** The second reference, to read rather than to try. */
export function referencePage(): string {
  return `${head('Assimetria Credits reference', [])}
<body>
<div id="reference"></div>
${scripts(['/api/reference/scalar.js', '/api/reference/reference.js'])}
</body>
</html>
`;
}
