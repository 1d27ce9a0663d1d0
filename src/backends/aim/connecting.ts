/**
 * The connections to an Aim server: requests, the write channel, and the check that mirrorboard supports the server.
 */
import WebSocket from 'ws';
import { systemClock } from '../../clock.ts';
import type { BackendContext } from '../../contract/index.ts';
import { MirrorError, messageOf } from '../../errors.ts';
import { HttpClient, readJson, readTlsFiles, redact } from '../../http/index.ts';
import { AimFailure, away, failureOfAnswer, withAccessHint } from './answers.ts';
import { LEAST_VERSION, MAJOR_BELOW } from './limits.ts';
import type { AimSettings } from './settings.ts';
import type { Tree } from './tree.ts';

/** The settings of a lane that a connection needs. */
export type ClientSettings = Pick<AimSettings, 'headers' | 'tls' | 'timeoutMs'> & Partial<Pick<BackendContext, 'clock' | 'random'>>;

/** The server only sends back a word or an exception over the write channel. */
const MOST_WORD_BYTES = 1024 * 1024;

/** Time limit for opening the write channel. */
const OPEN_MS = 20_000;
const MOST_VERSION = 50;

/** The write channel supports no proxies, and both must take the same way. */
const NO_PROXIES = {};

/** Creates the HTTP client for an Aim server's address. */
export function makeHttp(address: string, { headers, tls, timeoutMs, clock = systemClock }: ClientSettings): HttpClient {
  return new HttpClient({
    baseUrl: address,
    headers,
    tls,
    timeoutMs,
    clock,
    secrets: Object.values(headers),
    env: NO_PROXIES,
  });
}

/** Returns the text of an answer. Throws AimFailure. */
export async function ask(http: HttpClient, path: string, what: string, signal: AbortSignal): Promise<string> {
  const answer = await http.send({ method: 'GET', path, signal });
  if (answer.kind === 'ok') return answer.body.toString('utf8');
  throw failureOfAnswer(what, answer);
}

/** Returns the server's version, if mirrorboard supports it. */
export async function serverVersion(http: HttpClient, signal: AbortSignal): Promise<string> {
  const answer = await http.send({ method: 'GET', path: '/client/get-version/', signal });
  if (answer.kind !== 'ok') {
    const failure = failureOfAnswer(`asking ${http.address} for its version`, answer);
    if (answer.kind === 'refused' && answer.status === 404) throw new AimFailure('wrong', notAim(http.address));
    throw failure;
  }
  const read = readJson(answer, { what: 'asking for the version', address: http.address });
  if (read.kind === 'failed') throw new AimFailure('busy', read.error);
  const version: unknown = read.kind === 'ok' ? read.value.fields['version'] : undefined;
  const parts = typeof version === 'string' && version.length < MOST_VERSION ? /^(\d+)\.(\d+)/.exec(version) : null;
  if (typeof version !== 'string' || parts === null) throw new AimFailure('wrong', notAim(http.address));
  const [major, minor] = [Number(parts[1]), Number(parts[2])];
  const [leastMajor, leastMinor] = LEAST_VERSION;
  if (major < leastMajor || (major === leastMajor && minor < leastMinor) || major >= MAJOR_BELOW) {
    const error = new MirrorError(
      'MB4004',
      `${http.address} is Aim ${version}, expected ${leastMajor}.${leastMinor} or later and below ${MAJOR_BELOW}`,
      {
        hint: major >= MAJOR_BELOW ? 'Use a server of Aim 3.' : 'Upgrade the server: pip install --upgrade aim',
      },
    );
    throw new AimFailure('wrong', error);
  }
  return version;
}

function notAim(address: string): MirrorError {
  return new MirrorError('MB4003', `${address} is not an Aim server that speaks HTTP`, {
    hint: 'Give the address of `aim server` (default port 53800), not that of `aim up`; upgrade a server before 3.19.',
  });
}

/** Opens the write channel of a client. Throws AimFailure. */
export function openSocket(
  address: string,
  id: string,
  { headers, tls, clock = systemClock }: ClientSettings,
  signal: AbortSignal,
): Promise<WebSocket> {
  const url = `${address.replace(/^http/, 'ws')}/tracking/${id}/write-instruction/`;
  return new Promise((settle, fail) => {
    const socket = new WebSocket(url, {
      headers: { ...headers },
      perMessageDeflate: false,
      maxPayload: MOST_WORD_BYTES,
      ...readTlsFiles(tls),
    });
    const onAbort = (): void => socket.terminate();
    signal.addEventListener('abort', onAbort, { once: true });
    // The library's own timer restarts with every byte.
    const stopTimer = clock.after(OPEN_MS, () =>
      failed(away(`opening the write channel of ${address}: no answer within ${OPEN_MS / 1000} s`)),
    );
    const failed = (failure: unknown): void => {
      stopTimer();
      signal.removeEventListener('abort', onAbort);
      socket.terminate();
      fail(failure);
    };
    socket.once('unexpected-response', (_request, response) => {
      const status = response.statusCode ?? 0;
      const message = `opening the write channel of ${address}: ${status}`;
      if (status === 401 || status === 403 || status === 407)
        failed(new AimFailure('denied', withAccessHint(new MirrorError('MB4002', message))));
      else if (status >= 500) failed(away(message));
      else failed(new AimFailure('wrong', new MirrorError('MB4003', message, { hint: 'Let WebSockets through to the server.' })));
    });
    socket.on('error', (error) => {
      failed(
        signal.aborted
          ? signal.reason
          : away(`opening the write channel of ${address}: ${redact(messageOf(error), Object.values(headers))}`),
      );
    });
    socket.once('open', () => {
      stopTimer();
      signal.removeEventListener('abort', onAbort);
      socket.removeAllListeners('error');
      settle(socket);
    });
  });
}

/**
 * Returns the arguments that request a tree of a run. Servers before 3.29 read `from_union` too, and fail without it;
 * later ones ignore it.
 */
export function treeOf(name: 'meta' | 'seqs', hash: string): { readonly [key: string]: Tree } {
  return { name, sub: hash, read_only: false, from_union: false, index: false, timeout: null };
}

/**
 * True if trees take many values in one call. Undefined if it is not known for this version: 3.22.0 does not, 3.25.1
 * does.
 */
export function takesManyOf(version: string): boolean | undefined {
  const minor = Number(version.split('.')[1]);
  if (minor <= 22) return false;
  return minor >= 25 ? true : undefined;
}
