/* global Scalar */

// Nothing of it is asked of another host: no fonts, no telemetry, no hosted client, no agent.
Scalar.createApiReference('#reference', {
  url: '/api/docs/openapi.json',
  theme: 'default',
  withDefaultFonts: false,
  telemetry: false,
  hideClientButton: true,
  showDeveloperTools: 'never',
  agent: { disabled: true },
  mcp: { disabled: true },
  documentDownloadType: 'json',
  persistAuth: true,
  defaultHttpClient: { targetKey: 'shell', clientKey: 'curl' },
  authentication: { preferredSecurityScheme: 'bearer' },
  metaData: { title: 'Assimetria Credits reference' },
});
