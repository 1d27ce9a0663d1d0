/** Follows the store: says which runs changed, and how the lanes are, while the page is visible. */
import { effect, signal } from '@preact/signals';
import type { Changes, Lane } from './answers.ts';
import { ApiProblem, apiUrl, get, isAbort, send, token } from './client.ts';
import { eventsOf } from './event-stream.ts';

/** `live`: the server sends; `asking`: the page asks every two seconds; `paused`; `lost`: there is no answer. */
export type LiveState = 'connecting' | 'live' | 'asking' | 'paused' | 'lost';

/** How the page follows. */
export const liveState = signal<LiveState>('connecting');
/** True while the user wants nothing to move. */
export const isPaused = signal(false);
/** When the server last said something, by the clock of this machine. */
export const heardAtMs = signal(0);
/** The last change. */
export const changedRuns = signal<Changes>({ version: '', all: true, runs: [] });
/** The lanes, as last heard; undefined before. */
export const lanesNow = signal<readonly Lane[] | undefined>(undefined);

const listeners = new Set<(changes: Changes) => void>();

/** Calls back with each change of the store; returns what ends that. */
export function onChanges(callback: (changes: Changes) => void): () => void {
  listeners.add(callback);
  return () => listeners.delete(callback);
}

const ASK_EACH_MS = 2000;
const RETRY_MS = 2000;
/** A tab that nobody sees keeps its stream this long: a browser has only six connections to a server, for all tabs. */
const HIDDEN_MS = 5000;
/** The server says something each 15 s: after this, the stream is dead. */
const SILENT_MS = 40_000;

let version = '';

function heard(): void {
  heardAtMs.value = Date.now();
}

function take(changes: Changes): void {
  heard();
  const isNews = changes.version !== version;
  version = changes.version;
  if (!isNews) return;
  changedRuns.value = changes;
  for (const listener of [...listeners]) listener(changes);
}

/** Follows until the signal is aborted. */
async function follow(signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      await listen(signal);
    } catch (error) {
      if (signal.aborted || isAbort(error)) return;
      // An older server, or one with too many listeners.
      if (error instanceof ApiProblem && (error.status === 404 || error.status === 503)) await ask(signal);
    }
    if (signal.aborted) return;
    liveState.value = 'lost';
    await sleep(RETRY_MS, signal);
  }
}

async function listen(signal: AbortSignal): Promise<void> {
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(), SILENT_MS);
  try {
    const response = await send(apiUrl('/events'), {
      signal: AbortSignal.any([signal, silence.signal]),
      cache: 'no-store',
      headers: { accept: 'text/event-stream', ...(version === '' ? {} : { 'last-event-id': version }) },
    });
    if (response.body === null) return;
    liveState.value = 'live';
    heard();
    const watched = response.body.pipeThrough(
      new TransformStream<Uint8Array, Uint8Array>({
        transform(chunk, controller) {
          clearTimeout(timer);
          timer = setTimeout(() => silence.abort(), SILENT_MS);
          heard();
          controller.enqueue(chunk);
        },
      }),
    );
    for await (const event of eventsOf(watched)) {
      if (event.name === 'changes') take(JSON.parse(event.data) as Changes);
      else if (event.name === 'lanes') lanesNow.value = (JSON.parse(event.data) as { readonly lanes: readonly Lane[] }).lanes;
    }
  } finally {
    clearTimeout(timer);
  }
}

async function ask(signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    take(await get<Changes>('/changes', version === '' ? {} : { since: version }, signal));
    lanesNow.value = (await get<{ readonly lanes: readonly Lane[] }>('/lanes', {}, signal)).lanes;
    liveState.value = 'asking';
    await sleep(ASK_EACH_MS, signal);
  }
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** Begins to follow; stops while the user pauses or the tab is long out of sight. */
export function startLive(): void {
  const isHidden = signal(document.hidden);
  let hiding: ReturnType<typeof setTimeout> | undefined;
  document.addEventListener('visibilitychange', () => {
    clearTimeout(hiding);
    if (!document.hidden) isHidden.value = false;
    else hiding = setTimeout(() => (isHidden.value = true), HIDDEN_MS);
  });
  effect(() => {
    if (isPaused.value) liveState.value = 'paused';
    if (isPaused.value || isHidden.value) return;
    // A new token is a new stream.
    token.value;
    const controller = new AbortController();
    liveState.value = 'connecting';
    void follow(controller.signal);
    return () => controller.abort();
  });
}
