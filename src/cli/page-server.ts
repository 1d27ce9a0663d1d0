import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import { type AddressInfo, isIPv6 } from 'node:net';
import type { ConfiguredLane } from '../api/index.ts';
import { type LocalLane, readText } from '../config/index.ts';
import { MirrorError, messageOf, systemCode } from '../errors.ts';
import type { StoreQueries } from '../query/index.ts';
import { isLoopback, type Logger, limitedServer, listenFailure, parseListen } from '../status/index.ts';
import type { LinkRules } from '../untrusted/index.ts';
import { version } from './version.ts';

/** The options of every command that serves the page. */
export interface PageFlags {
  readonly listenHost: readonly string[];
  readonly tokenFile?: string;
  readonly withoutToken?: boolean;
}

/** The address where the page is found, unless another one is given. */
export const PAGE_ADDRESS = '127.0.0.1:6070';
/** A shorter token can be guessed. */
const LEAST_TOKEN = 16;
/** The thread that reads the store ends when nobody has asked for this long. */
const IDLE_MS = 10 * 60_000;

/** Where a page is served, and to whom. */
export interface PageAccess {
  readonly host: string;
  readonly port: number;
  /** Further host names that it accepts. */
  readonly hosts: readonly string[];
  readonly token: string | undefined;
}

/** Returns the rules for a page. `flag`: that of the address, for messages. Throws MB1001. */
export async function pageAccess(listen: string, flags: PageFlags, flag: string): Promise<PageAccess> {
  const { host, port } = parseListen(listen, flag);
  const token = flags.tokenFile === undefined ? undefined : await tokenIn(flags.tokenFile);
  if (token === undefined && flags.withoutToken !== true && !isLoopback(host)) {
    throw new MirrorError('MB1001', `${flag}: ${host} is not a loopback address, and there is no --token-file`, {
      hint: 'Write a token into a file, and name it with --token-file; or let everyone read everything with --without-token.',
    });
  }
  return { host, port, hosts: flags.listenHost, token };
}

/** What a page shows. */
export interface PageSources {
  readonly store: Pick<LocalLane, 'path' | 'mediaPath'>;
  readonly statePath: string;
  readonly lanes: () => Promise<readonly ConfiguredLane[] | undefined>;
  readonly linksOf: LinkRules;
  readonly log: Pick<Logger, 'error'>;
}

/** The page and its API. Until the first request, it is a port that listens, and nothing else. */
export class PageServer {
  /** The address for a browser, with `/` at its end. */
  readonly url: string;
  readonly #server: Server;
  readonly #access: PageAccess;
  readonly #sources: PageSources;
  #loaded: Promise<Loaded> | undefined;

  private constructor(server: Server, access: PageAccess, sources: PageSources) {
    const { port } = server.address() as AddressInfo;
    this.url = `http://${isIPv6(access.host) ? `[${access.host}]` : access.host}:${port}/`;
    this.#server = server;
    this.#access = access;
    this.#sources = sources;
    server.on('request', (request, response) => void this.#answer(request, response));
  }

  /** Listens. Throws MB1001 if the address is taken; `isAnyPort`: then takes any free port. */
  static async listen(
    access: PageAccess,
    sources: PageSources,
    { flag, isAnyPort = false }: { readonly flag: string; readonly isAnyPort?: boolean },
  ): Promise<PageServer> {
    const { host, port } = access;
    const server = limitedServer();
    try {
      await listenAt(server, host, port);
    } catch (error) {
      if (!isAnyPort || systemCode(error) !== 'EADDRINUSE') throw listenFailure(`${host}:${port}`, error, flag);
      await listenAt(server, host, 0);
    }
    return new PageServer(server, access, sources);
  }

  /** The process may end although it listens. */
  unref(): void {
    this.#server.unref();
  }

  /** Ends it after the answers that have begun. `isAtOnce`: breaks them off. */
  async close({ isAtOnce = false }: { readonly isAtOnce?: boolean } = {}): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    if (isAtOnce) this.#server.closeAllConnections();
    const loaded = await this.#loaded?.catch(() => undefined);
    // Streams end here, so that their connections do.
    await loaded?.app.close();
    this.#server.closeIdleConnections();
    await closed;
    await loaded?.store.close();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      this.#loaded ??= this.#load();
      (await this.#loaded).handler(request, response);
    } catch (error) {
      this.#loaded = undefined;
      this.#sources.log.error({ err: error }, 'the page could not be loaded');
      response.writeHead(500, { 'content-type': 'text/plain; charset=utf-8' });
      response.end('The page could not be loaded. The log of mirrorboard tells why.\n');
    }
  }

  async #load(): Promise<Loaded> {
    const [{ makeApi }, { registerPage }, { StoreQueries }] = await Promise.all([
      import('../api/index.ts'),
      import('../page/index.ts'),
      import('../query/index.ts'),
    ]);
    const { store: place, statePath, lanes, linksOf, log } = this.#sources;
    const { host, hosts, token } = this.#access;
    const store = new StoreQueries(place.path, { idleMs: IDLE_MS });
    let handler: RequestListener | undefined;
    const app = makeApi({
      store,
      storePath: place.path,
      mediaPath: place.mediaPath,
      statePath,
      configured: lanes,
      linksOf,
      version: version(),
      hosts: { host, hosts },
      token,
      onFailure: (error, request) => log.error({ err: error, request }, 'a request failed'),
      page: registerPage,
      serverFor: (listener) => {
        handler = listener;
        return this.#server;
      },
    });
    await app.ready();
    if (handler === undefined) throw new MirrorError('MB9001', 'the page has no handler of requests');
    return { app, store, handler };
  }
}

interface Loaded {
  readonly app: { readonly close: () => Promise<void> };
  readonly store: StoreQueries;
  readonly handler: RequestListener;
}

function listenAt(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** Reads the token of a file, without the end of its last line. */
async function tokenIn(path: string): Promise<string> {
  const fault = (why: string): MirrorError =>
    new MirrorError('MB1001', `--token-file: ${path} ${why}`, {
      hint: 'For example, create one with: openssl rand -hex 32 > token',
      context: { path },
    });
  let text: string;
  try {
    text = await readText(path);
  } catch (error) {
    throw fault(`cannot be read: ${messageOf(error)}`);
  }
  const token = text.replace(/\r?\n$/, '');
  if (!/^[\x21-\x7e]*$/.test(token)) throw fault('holds more than one word of ASCII characters');
  if (token.length < LEAST_TOKEN) throw fault(`holds a token of ${token.length} characters, expected at least ${LEAST_TOKEN}`);
  return token;
}
