import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import { isIP, type Socket } from 'node:net';
import { hostname } from 'node:os';

/** The rules that decide which requests are answered. */
interface GuardOptions {
  /** The host on which the server listens. */
  readonly host: string;
  /**
   * Further host names for requests: `mirrorboard.tracking.svc`, `.example.com` for all names below it, `*` for any.
   */
  readonly hosts?: readonly string[];
}

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
export function guardedServer(options: GuardOptions, listener: RequestListener): Server {
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

function refusalOf({ method, headers, httpVersion }: IncomingMessage, options: GuardOptions): Refusal | undefined {
  if (method !== 'GET' && method !== 'HEAD') return { status: 405, text: 'only GET and HEAD are allowed' };
  if (headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) !== 0) {
    return { status: 413, text: 'requests must not have a body' };
  }
  // HTTP/1.0 need not send the host; every browser does.
  if (headers.host === undefined) return httpVersion === '1.0' ? undefined : { status: 400, text: 'the request has no host' };
  return isOurs(headers.host, options) ? undefined : { status: 403, text: 'unknown host; allow it with --listen-host NAME' };
}

/**
 * True if a request may use this host: any address (a web page cannot redirect it), this machine's names, and those
 * that are configured.
 */
function isOurs(header: string, { host, hosts = [] }: GuardOptions): boolean {
  if (header.length > 300) return false;
  const name = nameIn(header);
  if (isIP(name) !== 0 || name === 'localhost' || name.endsWith('.localhost')) return true;
  return [host, hostname(), ...hosts].some((known) => {
    const own = known.toLowerCase();
    return own === '*' || own === name || (own.startsWith('.') && own.length > 1 && name.endsWith(own));
  });
}

/** Returns the host without its port, in lower case. */
function nameIn(header: string): string {
  const text = header.toLowerCase();
  if (text.startsWith('[')) return text.slice(1, Math.max(1, text.indexOf(']')));
  const colon = text.indexOf(':');
  const name = colon < 0 ? text : text.slice(0, colon);
  return name.endsWith('.') ? name.slice(0, -1) : name;
}

/** Refuses a request. The server does not read what follows the head. */
function refuse(response: ServerResponse, { status, text }: Refusal): void {
  const allow = status === 405 ? { allow: 'GET, HEAD' } : {};
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', connection: 'close', ...allow });
  response.end(`${text}\n`);
}
