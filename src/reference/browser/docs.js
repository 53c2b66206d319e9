/* global SwaggerUIBundle, document, window, fetch */

/** The codes of an error response with their meanings, as its description lists them. */
function codesOf(description) {
  const found = [...description.matchAll(/`([A-Z][A-Z_]+)`: (.*?)(?= `[A-Z][A-Z_]+`: |$)/gs)];
  return found.map(([, code, meaning]) => ({ code, meaning }));
}

/** Shows the errors of an operation as one table, below the boxes of its other answers. */
const ErrorTable = () => ({
  wrapComponents: {
    responses: (Responses, { React, specSelectors }) => {
      const el = React.createElement;
      const whole = (response) =>
        response.has('$ref')
          ? (specSelectors.specJson().getIn(response.get('$ref').slice(2).split('/')) ?? response)
          : response;
      const marked = (text) => text.split('`').map((part, i) => (i % 2 ? el('code', { key: i }, part) : part));
      return function WithErrorTable(props) {
        const isError = (_, status) => Number(status) >= 400;
        const rows = props.responses
          .filter(isError)
          .entrySeq()
          .toArray()
          .flatMap(([status, response]) =>
            codesOf(whole(response).get('description') ?? '').map((each) => ({ status, ...each })),
          );
        return el(
          React.Fragment,
          null,
          el(Responses, { ...props, responses: props.responses.filterNot(isError) }),
          el(
            'div',
            { className: 'errors' },
            el('h4', null, 'Errors'),
            el(
              'table',
              null,
              el(
                'thead',
                null,
                el(
                  'tr',
                  null,
                  ['Status', 'Code', 'Meaning'].map((title) => el('th', { key: title }, title)),
                ),
              ),
              el(
                'tbody',
                null,
                rows.map(({ status, code, meaning }) =>
                  el(
                    'tr',
                    { key: code },
                    el('td', null, status),
                    el('td', null, el('code', null, code)),
                    el('td', null, marked(meaning)),
                  ),
                ),
              ),
            ),
          ),
        );
      };
    },
  },
});

const dark = window.matchMedia('(prefers-color-scheme: dark)');
const follow = () => document.documentElement.classList.toggle('dark-mode', dark.matches);
dark.addEventListener('change', follow);
follow();

const ui = SwaggerUIBundle({
  url: '/api/docs/openapi.json',
  dom_id: '#swagger-ui',
  deepLinking: true,
  persistAuthorization: true,
  displayRequestDuration: true,
  tryItOutEnabled: true,
  defaultModelsExpandDepth: -1,
  validatorUrl: null,
  plugins: [ErrorTable],
});

/** Makes a token with the form and authorizes with it. */
document.querySelector('.token form')?.addEventListener('submit', async (event) => {
  event.preventDefault();
  const form = event.target;
  const said = form.querySelector('output');
  const answer = await fetch('/sandbox/token', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ user: form.elements.user.value, admin: form.elements.admin.checked }),
  });
  const { data, error } = await answer.json();
  if (data) ui.preauthorizeApiKey('bearer', data.token);
  said.value = data
    ? `Authorized as ${data.account}${data.admin ? ', an administrator' : ''}, for an hour.`
    : error.message;
});
