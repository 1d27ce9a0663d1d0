/** The thread that compares runs of a local store, one after the other, as `RunPass` does. */
import { parentPort, workerData } from 'node:worker_threads';
import { MirrorError, messageOf } from '../errors.ts';
import { useMemory } from '../memory/index.ts';
import { PatientReader } from '../reading/index.ts';
import type { Difference } from './compare/index.ts';
import { RunPass } from './run-pass.ts';
import { type RunFindings, type RunReply, type RunRequest, type RunSteps, type RunWork, STOP, TAKEN } from './run-protocol.ts';
import { openStoreSource } from './store-source.ts';
import { VerifyLog } from './verify-log.ts';
import type { VerifiedRun } from './verify-scope.ts';

/** Differences that are sent together. */
const PIECE = 500;
/** Pieces that may wait to be taken: a run may have millions of differences. */
const PIECES_AHEAD = 2;

const port = parentPort;
if (port === null) throw new Error('runs are compared in a worker thread');
const { store, sample, memory, shared } = workerData as RunWork;
useMemory(memory);
const aborter = new AbortController();
const { signal } = aborter;
const log = new VerifyLog(sample, signal, [], () => post({ kind: 'steps', steps: stepsSince() }));
const reader = new PatientReader({ fellSilent: (path, sinceMs) => post({ kind: 'waits', path, sinceMs }) });
signal.addEventListener('abort', () => reader.stop());
let source: ReturnType<typeof openStoreSource> | undefined;
let last = Promise.resolve();
let pieces = 0;
let before: RunSteps = { points: 0, records: 0, bytes: 0, files: 0, damaged: 0 };

port.on('message', (request: RunRequest) => {
  if (request.kind === 'stop') aborter.abort();
  else if (request.kind === 'compare') last = last.then(() => answer(request.number, request.candidate));
  else last = last.then(close);
});

async function answer(number: number, candidate: VerifiedRun): Promise<void> {
  let waiting: Difference[] = [];
  const send = (): void => {
    sendPiece(number, waiting);
    waiting = [];
  };
  const onDifference = (difference: Difference): void => {
    if (waiting.push(difference) >= PIECE) send();
  };
  try {
    source ??= openStoreSource(store);
    await new RunPass({ source, signal, onDifference, ...(sample === undefined ? {} : { sample }) }, log, reader).compare(candidate);
    if (waiting.length > 0) send();
    post({ kind: 'compared', number, steps: stepsSince(), ...findings() });
  } catch (error) {
    if (waiting.length > 0) send();
    findings();
    post({ kind: 'failed', number, ...failureOf(error) });
  }
}

/** Sends differences, and waits while too many are not taken. */
function sendPiece(number: number, differences: readonly Difference[]): void {
  post({ kind: 'differences', number, differences });
  pieces++;
  for (;;) {
    const taken = Atomics.load(shared, TAKEN);
    if (pieces - taken < PIECES_AHEAD || Atomics.load(shared, STOP) !== 0) return;
    Atomics.wait(shared, TAKEN, taken);
  }
}

/** Takes the findings out of the log. */
function findings(): RunFindings {
  const { verdicts, troubled, damagedFiles, obstacles } = log;
  return {
    verdicts: verdicts.splice(0),
    troubled: troubled.splice(0),
    damagedFiles: damagedFiles.splice(0),
    obstacles: obstacles.splice(0),
  };
}

function stepsSince(): RunSteps {
  const { points, records, bytes, files, damaged } = log.progress;
  const now = { points, records, bytes: bytes.read, files: files.done, damaged };
  const steps = {
    points: now.points - before.points,
    records: now.records - before.records,
    bytes: now.bytes - before.bytes,
    files: now.files - before.files,
    damaged: now.damaged - before.damaged,
  };
  before = now;
  return steps;
}

function failureOf(error: unknown): Pick<Extract<RunReply, { kind: 'failed' }>, 'code' | 'message' | 'details'> {
  if (!(error instanceof MirrorError)) return { code: 'MB9001', message: messageOf(error), details: {} };
  const { code, message, hint, command, retry, context } = error;
  return {
    code,
    message,
    details: { ...(hint === undefined ? {} : { hint }), ...(command === undefined ? {} : { command }), retry, context },
  };
}

async function close(): Promise<void> {
  await reader.close();
  source?.[Symbol.dispose]();
  port?.close();
}

function post(reply: RunReply): void {
  port?.postMessage(reply);
}
