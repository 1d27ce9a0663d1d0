import type { Failure } from './answers.ts';
import type { Param } from './map.ts';
import type { Sink } from './sink.ts';
import { tryOut } from './trial.ts';

/** With these a param may be to blame itself, and must not cost the others of its request. */
const ABOUT_CONTENT: ReadonlySet<Failure['cause']> = new Set(['refused', 'tooMuch']);

/**
 * Adds params. Where a request is refused, the server has to take another param first; then it is sent in halves,
 * until the params to blame are alone. Returns why these are not there. Throws what may pass.
 */
export async function addParamsInParts(sink: Sink, params: readonly Param[], signal: AbortSignal): Promise<ReadonlyMap<Param, Failure>> {
  const reply = params.length === 0 ? undefined : await addOr(sink, params, signal);
  if (reply === undefined) return new Map();
  await tryOut(sink, 'params', signal);
  return new Map(await inHalves(sink, params, reply, signal));
}

async function inHalves(
  sink: Sink,
  params: readonly Param[],
  failure: Failure,
  signal: AbortSignal,
): Promise<readonly (readonly [Param, Failure])[]> {
  const [only] = params;
  if (only === undefined) return [];
  if (params.length === 1) return [[only, failure]];
  const half = params.length >> 1;
  const refused: (readonly [Param, Failure])[] = [];
  for (const part of [params.slice(0, half), params.slice(half)]) {
    const reply = await addOr(sink, part, signal);
    if (reply !== undefined) for (const entry of await inHalves(sink, part, reply, signal)) refused.push(entry);
  }
  return refused;
}

/** Undefined where they are there. */
async function addOr(sink: Sink, params: readonly Param[], signal: AbortSignal): Promise<Failure | undefined> {
  const reply = await sink.addParams(params, signal);
  if (reply.kind === 'ok') return undefined;
  if (!ABOUT_CONTENT.has(reply.cause)) throw reply.error;
  return reply;
}
