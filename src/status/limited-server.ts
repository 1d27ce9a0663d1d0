import type { Server } from 'node:http';

const MOST_CONNECTIONS = 256;
/** A request may name many runs. */
const HEAD_BYTES = 64 * 1024;
const HEAD_MS = 5000;
/** The longest time without a byte, also while an answer is made. */
const IDLE_MS = 120_000;

/** Creates a server for pages and programs, with limits for clients that are slow or send too much. */
export function limitedServer(): Server {
  // An import would load Node's HTTP client and its fetch with every command that never serves anything.
  const { createServer } = process.getBuiltinModule('node:http');
  const server = createServer({
    maxHeaderSize: HEAD_BYTES,
    headersTimeout: HEAD_MS,
    requestTimeout: HEAD_MS,
    keepAliveTimeout: HEAD_MS,
    connectionsCheckingInterval: 1000,
  });
  server.timeout = IDLE_MS;
  server.maxConnections = MOST_CONNECTIONS;
  return server;
}
