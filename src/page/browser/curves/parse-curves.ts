/** Turns the body of an answer of `/curves` into columns, in a worker if the browser allows one. */
import { type Curve, type CurveJson, readCurve } from '../../model/curve.ts';

/** The file of the worker, which the build names by its content. */
declare const CURVE_WORKER: string;

interface Waiting {
  readonly resolve: (curves: readonly Curve[]) => void;
  readonly reject: (problem: Error) => void;
  /** To parse here, if there is no worker after all. */
  readonly body: ArrayBuffer;
}

interface Answer {
  readonly id: number;
  readonly curves?: readonly Curve[];
  readonly problem?: string;
}

const waiting = new Map<number, Waiting>();
let worker: Worker | undefined;
let isWithoutWorker = false;
let next = 0;

/** Returns the curves of an answer. */
export function parseCurves(body: ArrayBuffer): Promise<readonly Curve[]> {
  const thread = isWithoutWorker ? undefined : startWorker();
  if (thread === undefined) return Promise.resolve(parseHere(body));
  return new Promise((resolve, reject) => {
    const id = next++;
    waiting.set(id, { resolve, reject, body });
    thread.postMessage({ id, body });
  });
}

function startWorker(): Worker | undefined {
  if (worker !== undefined) return worker;
  try {
    worker = new Worker(new URL(CURVE_WORKER, import.meta.url), { type: 'module', name: 'curves' });
  } catch {
    isWithoutWorker = true;
    return undefined;
  }
  worker.onmessage = ({ data: { id, curves, problem } }: MessageEvent<Answer>) => {
    const one = waiting.get(id);
    waiting.delete(id);
    if (curves === undefined) one?.reject(new Error(problem ?? 'the answer could not be read'));
    else one?.resolve(curves);
  };
  worker.onerror = () => {
    worker?.terminate();
    worker = undefined;
    isWithoutWorker = true;
    for (const { resolve, reject, body } of waiting.values()) {
      try {
        resolve(parseHere(body));
      } catch (error) {
        reject(error instanceof Error ? error : new Error(String(error)));
      }
    }
    waiting.clear();
  };
  return worker;
}

function parseHere(body: ArrayBuffer): readonly Curve[] {
  const { curves } = JSON.parse(new TextDecoder().decode(body)) as { readonly curves: readonly CurveJson[] };
  return curves.map(readCurve);
}
