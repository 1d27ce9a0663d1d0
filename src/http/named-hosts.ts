import { lookup as systemLookup } from 'node:dns/promises';
import { isIP, type LookupFunction } from 'node:net';
import { MirrorError, messageOf } from '../errors.ts';
import type { HttpAnswer } from './answer.ts';
import { HttpClient, type HttpOptions, type HttpRequest } from './http-client.ts';
import { type Nearness, nearnessOf } from './near-address.ts';
import { redactCut } from './redact.ts';

/** Resolves a host name to addresses. Throws if there are none. */
type Resolve = (host: string) => Promise<readonly string[]>;

/** The settings of connections to addresses that a tracker names. */
export interface NamedHostsOptions extends Pick<HttpOptions, 'tls' | 'timeoutMs' | 'connections' | 'secrets' | 'env' | 'clock'> {
  /** The tracker that names addresses: one on this machine may name this machine. */
  readonly tracker: string;
  /** Default: the system's. */
  readonly resolve?: Resolve;
}

/** The result of a request to an address that a server named. */
export type NamedAnswer = HttpAnswer | { readonly kind: 'unusable'; readonly error: MirrorError };

/** The longest address, in characters. An address is signed, and may be long. */
const MOST_ADDRESS = 16 * 1024;
/** The most hosts with kept connections. A tracker has one or two file stores. */
const MOST_HOSTS = 16;
const SHOWN = 200;

/**
 * Headers that file stores need for an upload. All others are dropped: so a server cannot extract our own headers,
 * and cannot change what the request is.
 */
const UPLOAD_HEADER = /^(?:content-(?:type|md5|encoding|disposition|language)|cache-control|expires|if-(?:none-)?match)$/;
const STORE_HEADER = /^x-(?:amz|goog|ms|oss|obs|cos)-[a-z0-9-]{1,100}$/;
const MOST_HEADERS = 40;
const MOST_VALUE = 2000;

/**
 * Sends requests to addresses that a server names, for an upload or a file. Such a server is not ours, and may be
 * dishonest. Each address must be http or https, and must not lead to a service that trusts this machine. The
 * requests carry nothing that is meant for the tracker, but use the same certificates and proxies.
 */
export class NamedHosts {
  readonly #options: NamedHostsOptions;
  readonly #tracker: URL;
  readonly #resolve: Resolve;
  readonly #clients = new Map<string, HttpClient>();

  constructor(options: NamedHostsOptions) {
    this.#options = options;
    this.#tracker = new URL(options.tracker);
    this.#resolve = options.resolve ?? (async (host) => (await systemLookup(host, { all: true })).map(({ address }) => address));
  }

  /**
   * Sends a request to an address. If the address is unusable, it sends nothing and reports that. Relative addresses
   * belong to the tracker.
   */
  async send(address: unknown, request: Omit<HttpRequest, 'path' | 'query'>): Promise<NamedAnswer> {
    const url = this.parse(address);
    if (url instanceof MirrorError) return { kind: 'unusable', error: url };
    const near = await this.#nearness(url);
    request.signal.throwIfAborted();
    if (near !== undefined) return { kind: 'unusable', error: this.#unusable(address, `it leads to ${NEAR[near]}`) };
    const client = this.#clientOf(url.origin);
    if (client === undefined) return { kind: 'unusable', error: this.#unusable(address, `it names more than ${MOST_HOSTS} hosts`) };
    return client.send({ ...request, path: url.pathname + url.search });
  }

  /** Returns the address, or the error that makes it unusable. */
  parse(address: unknown): URL | MirrorError {
    if (typeof address !== 'string' || address === '') return this.#unusable(address, 'it is none');
    if (address.length > MOST_ADDRESS) return this.#unusable(address, `it is longer than ${MOST_ADDRESS} characters`);
    let url: URL;
    try {
      url = new URL(address, `${this.#tracker.origin}${this.#tracker.pathname.replace(/\/+$/, '')}/`);
    } catch {
      return this.#unusable(address, 'it cannot be parsed');
    }
    if (url.protocol !== 'http:' && url.protocol !== 'https:') return this.#unusable(address, 'it is neither http nor https');
    return url;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#clients.values()].map((client) => client.close()));
  }

  #clientOf(origin: string): HttpClient | undefined {
    let client = this.#clients.get(origin);
    if (client === undefined && this.#clients.size < MOST_HOSTS) {
      const { tracker: _, resolve: __, ...options } = this.#options;
      client = new HttpClient({ ...options, baseUrl: origin, lookup: this.#lookup });
      this.#clients.set(origin, client);
    }
    return client;
  }

  /** Returns the nearness of a host that must not be reached; undefined if the host is allowed. */
  async #nearness({ hostname }: URL): Promise<Nearness | undefined> {
    const host = hostname.replace(/^\[|\]$/g, '');
    if (host === this.#tracker.hostname.replace(/^\[|\]$/g, '')) return undefined;
    const own = await this.#addressesOf(this.#tracker.hostname);
    // A proxy may know a name that this machine does not know; without a proxy, the connection fails on its own.
    for (const address of await this.#addressesOf(host)) {
      const near = nearnessOf(address);
      if (near === undefined || own.includes(address)) continue;
      if (near !== 'loopback' || !own.some((one) => nearnessOf(one) === 'loopback')) return near;
    }
    return undefined;
  }

  async #addressesOf(hostname: string): Promise<readonly string[]> {
    const host = hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
    if (isIP(host) !== 0) return [host];
    if (host === 'localhost' || host.endsWith('.localhost')) return ['127.0.0.1'];
    return this.#resolve(host).catch(() => []);
  }

  /** Checks the address of the actual connection: a name may lead elsewhere a moment after it was checked. */
  readonly #lookup: LookupFunction = (hostname, options, done) => {
    void (async () => {
      try {
        const addresses = await this.#resolve(hostname);
        const own = hostname === this.#tracker.hostname ? addresses : await this.#addressesOf(this.#tracker.hostname);
        const isOwnLoopback = own.some((one) => nearnessOf(one) === 'loopback');
        const usable = addresses.filter((address) => {
          const near = nearnessOf(address);
          return near === undefined || own.includes(address) || (near === 'loopback' && isOwnLoopback);
        });
        const fitting = usable
          .map((address) => ({ address, family: isIP(address) }))
          .filter(({ family }) => !options.family || family === options.family);
        const [first] = fitting;
        if (first === undefined) throw new Error(`${hostname} does not resolve to an allowed address`);
        if (options.all === true) done(null, fitting);
        else done(null, first.address, first.family);
      } catch (error) {
        done(error instanceof Error ? error : new Error(messageOf(error)), '');
      }
    })();
  };

  #unusable(address: unknown, what: string): MirrorError {
    const shown = typeof address === 'string' ? redactCut(address, SHOWN, this.#options.secrets) : String(typeof address);
    return new MirrorError(
      'MB4011',
      `${this.#tracker.origin} gives the address ${JSON.stringify(shown)} for a file, which is not usable: ${what}`,
      {
        hint:
          'Correct the address of the file store in the settings of the tracker; only a tracker on this machine ' +
          'may use a store on this machine.',
        context: { address: this.#tracker.origin },
      },
    );
  }
}

const NEAR: Readonly<Record<Nearness, string>> = {
  loopback: 'this machine, but the tracker runs elsewhere',
  linkLocal: 'a link-local address',
  metadata: "the cloud's own service for this machine",
  noHost: 'no single host',
};

/** Returns the headers that an upload needs, out of those that a server asks for (`Name: value` each). */
export function uploadHeaders(given: unknown): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {};
  for (const text of Array.isArray(given) ? given.slice(0, MOST_HEADERS) : []) {
    if (typeof text !== 'string' || text.length > MOST_VALUE) continue;
    const colon = text.indexOf(':');
    const name = text.slice(0, Math.max(0, colon)).trim().toLowerCase();
    const value = text.slice(colon + 1).trim();
    if ((UPLOAD_HEADER.test(name) || STORE_HEADER.test(name)) && /^[\x20-\x7e]*$/.test(value)) headers[name] = value;
  }
  return headers;
}
