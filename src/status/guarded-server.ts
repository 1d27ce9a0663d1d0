import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { type HostRules, isOwnHost } from './own-host.ts';

/** The most concurrent connections. A new one closes the oldest, so a client cannot block a probe by holding many. */
const MOST_CONNECTIONS = 64;
/** The time limit for the head of a request, and for an idle connection. */
const HEAD_MS = 5000;
const IDLE_MS = 10_000;
const HEAD_BYTES = 8 * 1024;

/**
 * Creates a server that is safe for every client that can reach the port, also for web pages in a local browser: it
 * only reads, accepts short requests, and uses little memory. A web page can make its own name point to this machine
 * (DNS rebinding), but not an address or a name of ours: so the requested host must be one of these.
 */
export function guardedServer(options: HostRules, listener: RequestListener): Server {
  // An import would load Node's HTTP client and its fetch with every command that never serves anything.
  const { createServer } = process.getBuiltinModule('node:http');
  const server = createServer({
    maxHeaderSize: HEAD_BYTES,
    headersTimeout: HEAD_MS,
    requestTimeout: HEAD_MS,
    connectionsCheckingInterval: 1000,
  });
  server.timeout = IDLE_MS;
  server.keepAliveTimeout = HEAD_MS;
  const open = new Set<Socket>();
  server.on('connection', (socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    const [oldest] = open;
    if (open.size > MOST_CONNECTIONS) oldest?.destroy();
  });
  server.on('request', (request, response) => {
    response.setHeader('x-content-type-options', 'nosniff');
    response.setHeader('cache-control', 'no-store');
    const refusal = refusalOf(request, options);
    if (refusal === undefined) listener(request, response);
    else refuse(response, refusal);
  });
  return server;
}

interface Refusal {
  readonly status: number;
  readonly text: string;
}

function refusalOf({ method, headers, httpVersion }: IncomingMessage, options: HostRules): Refusal | undefined {
  if (method !== 'GET' && method !== 'HEAD') return { status: 405, text: 'only GET and HEAD are allowed' };
  if (headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) !== 0) {
    return { status: 413, text: 'requests must not have a body' };
  }
  // HTTP/1.0 need not send the host; every browser does.
  if (headers.host === undefined) return httpVersion === '1.0' ? undefined : { status: 400, text: 'the request has no host' };
  return isOwnHost(headers.host, options) ? undefined : { status: 403, text: 'unknown host; allow it with --listen-host NAME' };
}

/** Refuses a request. The server does not read what follows the head. */
function refuse(response: ServerResponse, { status, text }: Refusal): void {
  const allow = status === 405 ? { allow: 'GET, HEAD' } : {};
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', connection: 'close', ...allow });
  response.end(`${text}\n`);
}
