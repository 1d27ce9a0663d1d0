/**
 * Parses texts of others in threads with limits of memory and time. mirrorboard ends a thread that exceeds them and
 * reports the text; the next text gets a new thread.
 */
import { Worker } from 'node:worker_threads';
import PQueue from 'p-queue';
import { messageOf, systemCode } from '../errors.ts';
import { formatMemory, memoryShares } from '../memory/index.ts';
import { MOST_TEXT_BYTES } from './limits.ts';
import type { Invalid, ParsedText, TextRequest } from './parse-text.ts';

/** The limits of one parse, which runs in its own thread. */
interface ParseLimits {
  /** The time. Default: 10 s. */
  readonly mostMs?: number;
  /** The heap of the thread. Default: its share of the memory. */
  readonly mostBytes?: number;
}

/** The number of threads: a text that takes all its time must not delay all others. */
const THREADS = 2;
const MOST_MS = 10_000;
const MIB = 2 ** 20;
/** The heap that a thread needs before it has parsed anything. */
const LEAST_HEAP_MIB = 24;

const queue = new PQueue({ concurrency: THREADS });
/** The idle threads; they do not keep the process alive. */
const idle: { readonly worker: Worker; readonly mostBytes: number }[] = [];

/** Returns the content of a text; `invalid` with the limit if it exceeds one. */
export async function parseApart(request: TextRequest, limits: ParseLimits = {}): Promise<ParsedText | Invalid> {
  if (request.text.length > MOST_TEXT_BYTES) return { kind: 'invalid', reason: `it has more than ${MOST_TEXT_BYTES} bytes` };
  return await queue.add(() => parse(request, limits));
}

function parse(request: TextRequest, { mostMs = MOST_MS, mostBytes = memoryShares().parser }: ParseLimits): Promise<ParsedText | Invalid> {
  const at = idle.findIndex((thread) => thread.mostBytes === mostBytes);
  const worker = idle.splice(at, at < 0 ? 0 : 1)[0]?.worker ?? newWorker(mostBytes);
  worker.ref();
  return new Promise((resolve) => {
    const end = (parsed: ParsedText | Invalid, isValid = false): void => {
      clearTimeout(timer);
      worker.off('message', onMessage).off('error', onError).off('exit', onExit);
      if (isValid) {
        worker.unref();
        idle.push({ worker, mostBytes });
      } else {
        // A thread that ends late, or fails while it ends, has nothing new to report.
        worker.on('error', () => undefined);
        void worker.terminate();
      }
      resolve(parsed);
    };
    const onMessage = (parsed: ParsedText): void => end(parsed, true);
    const onError = (error: unknown): void => end({ kind: 'invalid', reason: reasonOf(error, mostBytes) });
    const onExit = (code: number): void => end({ kind: 'invalid', reason: `the thread that parses it ended with ${code}` });
    const timer = setTimeout(() => end({ kind: 'invalid', reason: `parsing it takes more than ${mostMs / 1000} s` }), mostMs);
    worker.on('message', onMessage).on('error', onError).on('exit', onExit);
    worker.postMessage(request);
  });
}

function newWorker(mostBytes: number): Worker {
  const maxOldGenerationSizeMb = Math.max(LEAST_HEAP_MIB, Math.floor(mostBytes / MIB));
  return new Worker(new URL('./parse-worker.js', import.meta.url), {
    resourceLimits: { maxOldGenerationSizeMb, maxYoungGenerationSizeMb: 8 },
  });
}

function reasonOf(error: unknown, mostBytes: number): string {
  if (systemCode(error) === 'ERR_WORKER_OUT_OF_MEMORY') return `parsing it takes more than ${formatMemory(mostBytes)} of memory`;
  return messageOf(error);
}
