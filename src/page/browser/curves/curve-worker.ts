/** Reads answers of `/curves` in a thread of its own: an answer has megabytes, and a frame only a few milliseconds. */
import { buffersOf, type CurveJson, readCurve } from '../../model/curve.ts';

/** What the page sends. */
export interface ParseRequest {
  readonly id: number;
  readonly body: ArrayBuffer;
}

/** The part of a worker's global scope that is used here. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<ParseRequest>) => void) | null;
  postMessage(message: unknown, transfer: Transferable[]): void;
}

const scope = globalThis as unknown as WorkerScope;

scope.onmessage = ({ data: { id, body } }) => {
  try {
    const { curves } = JSON.parse(new TextDecoder().decode(body)) as { readonly curves: readonly CurveJson[] };
    const read = curves.map(readCurve);
    scope.postMessage({ id, curves: read }, read.flatMap(buffersOf));
  } catch (error) {
    scope.postMessage({ id, problem: error instanceof Error ? error.message : String(error) }, []);
  }
};
