/** Asks the API. */
import { signal } from '@preact/signals';
import { keepText, keptText } from '../state/kept.ts';

/** The path of every resource begins with it. */
export const API_BASE = '/api/v1';

const TOKEN_KEY = 'mirrorboard-token';

/** Values of a query: lists are repeated, undefined is left out. */
export type Params = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

/** A failure of a request, as `application/problem+json` says it. */
export class ApiProblem extends Error {
  /** 0 if there was no answer. */
  readonly status: number;
  readonly code: string;
  readonly hint: string | undefined;

  constructor(status: number, code: string, message: string, hint?: string) {
    super(message);
    this.status = status;
    this.code = code;
    this.hint = hint;
  }
}

/** The token of this tab, once the user has typed it. It lives no longer than the tab. */
export const token = signal<string | null>(keptText('tab', TOKEN_KEY));
/** Why the page asks for a token; null while it needs none. */
export const tokenWanted = signal<string | null>(null);
/** True while requests get no answer at all. */
export const isUnreachable = signal(false);

const waiting: ((isGiven: boolean) => void)[] = [];

/** Takes the token that the user typed, and repeats what waited for it. Null: the user refused. */
export function giveToken(text: string | null): void {
  if (text !== null) {
    token.value = text;
    keepText('tab', TOKEN_KEY, text);
  }
  tokenWanted.value = null;
  for (const go of waiting.splice(0)) go(text !== null);
}

function askForToken(reason: string): Promise<boolean> {
  tokenWanted.value = reason;
  return new Promise((resolve) => waiting.push(resolve));
}

/** Returns the path and query of a resource. */
export function apiUrl(path: string, params: Params = {}): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    if (value === undefined) continue;
    for (const one of typeof value === 'object' ? value : [String(value)]) query.append(name, one);
  }
  const text = query.toString();
  return `${API_BASE}${path}${text === '' ? '' : `?${text}`}`;
}

/** Sends a request with the token, asks for one if it is needed, and returns an answer that is not a failure. */
export async function send(url: string, init: RequestInit = {}): Promise<Response> {
  for (;;) {
    const sent = token.value;
    const headers = new Headers(init.headers);
    if (sent !== null) headers.set('authorization', `Bearer ${sent}`);
    let response: Response;
    try {
      response = await fetch(url, { ...init, headers });
    } catch (error) {
      if (init.signal?.aborted !== true) isUnreachable.value = true;
      throw error instanceof DOMException ? error : new ApiProblem(0, '', 'mirrorboard does not answer');
    }
    isUnreachable.value = false;
    if (response.ok || response.status === 304) return response;
    const problem = await problemOf(response);
    if (response.status !== 401) throw problem;
    // Another request may have brought a new one meanwhile.
    if (token.value === sent && !(await askForToken(sent === null ? '' : 'This token is not valid.'))) throw problem;
  }
}

async function problemOf(response: Response): Promise<ApiProblem> {
  const text = await response.text();
  let body: Readonly<Record<string, unknown>> = {};
  try {
    body = JSON.parse(text) as typeof body;
  } catch {
    // A proxy answers in its own form.
  }
  const field = (name: string): string | undefined => (typeof body[name] === 'string' ? body[name] : undefined);
  const message = field('detail') ?? field('title') ?? `the answer is ${response.status} ${response.statusText}`;
  return new ApiProblem(response.status, field('code') ?? '', message, field('hint'));
}

interface Known {
  readonly tag: string;
  readonly answer: unknown;
  readonly size: number;
}

/** Answers to repeat while the server says that they are the same, oldest first. */
const known = new Map<string, Known>();
let knownSize = 0;
/** In characters of their texts. */
const MOST_KNOWN = 8_000_000;

/** Returns the answer of a resource. Throws ApiProblem, or AbortError. */
export async function get<Answer>(path: string, params: Params = {}, signal?: AbortSignal): Promise<Answer> {
  const url = apiUrl(path, params);
  const before = known.get(url);
  const response = await send(url, {
    ...(signal === undefined ? {} : { signal }),
    // What the browser would keep is kept here, in its parsed form.
    cache: 'no-store',
    headers: before === undefined ? {} : { 'if-none-match': before.tag },
  });
  if (response.status === 304 && before !== undefined) {
    known.delete(url);
    known.set(url, before);
    return before.answer as Answer;
  }
  const text = await response.text();
  const answer = JSON.parse(text) as Answer;
  keep(url, response.headers.get('etag'), answer, text.length);
  return answer;
}

function keep(url: string, tag: string | null, answer: unknown, size: number): void {
  const old = known.get(url);
  if (old !== undefined) knownSize -= old.size;
  known.delete(url);
  if (tag === null || size > MOST_KNOWN / 4) return;
  known.set(url, { tag, answer, size });
  knownSize += size;
  for (const [oldest, { size: itsSize }] of known) {
    if (knownSize <= MOST_KNOWN) break;
    known.delete(oldest);
    knownSize -= itsSize;
  }
}

/** Changes something. A server that has no token changes nothing, and says so. */
export async function post<Answer>(path: string, body: unknown, signal?: AbortSignal): Promise<Answer> {
  const response = await send(`${API_BASE}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    ...(signal === undefined ? {} : { signal }),
  });
  const text = await response.text();
  return (text === '' ? {} : JSON.parse(text)) as Answer;
}

/** True if an error only says that nobody wants the answer any more. */
export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError';
}
