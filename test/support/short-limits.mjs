/**
 * Preloaded into a server whose time limits for connections a test waits for: each passes fifty times as fast. A limit
 * that is not set stays none.
 */
import http from 'node:http';

const FASTER = 50;
const createServer = http.createServer;

http.createServer = /** @type {typeof createServer} */ (
  (/** @type {any} */ options, /** @type {any} */ handler) => {
    const { headersTimeout, connectionsCheckingInterval } = options ?? {};
    const server = createServer(
      {
        ...options,
        ...(headersTimeout && { headersTimeout: headersTimeout / FASTER }),
        ...(connectionsCheckingInterval && { connectionsCheckingInterval: connectionsCheckingInterval / FASTER }),
      },
      handler,
    );
    for (const limit of ['requestTimeout', 'keepAliveTimeout', 'timeout']) {
      let value = 0;
      Object.defineProperty(server, limit, {
        get: () => value,
        set: (milliseconds) => (value = milliseconds / FASTER),
      });
    }
    return server;
  }
);
