// Writes openapi.json from the built server: npm run openapi
import { writeFileSync } from 'node:fs';
import { startServer } from '../test/support/server.js';

const server = await startServer();
try {
  const { body } = await server.client.get<object>('/api/docs/openapi.json');
  writeFileSync('openapi.json', `${JSON.stringify(body, null, 2)}\n`);
} finally {
  await server.stop();
}
