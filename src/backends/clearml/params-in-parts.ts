import { inParts } from '../../backend-kit/sending/index.ts';
import type { ClearmlFailure } from './answers.ts';
import type { Param } from './map.ts';
import type { EventSink } from './sink.ts';
import { tryOut } from './trial.ts';

/**
 * Adds params. If the server refuses a request, it must first accept another param. Then mirrorboard halves the
 * request until the params to blame are alone. Returns why these are not stored. Throws failures that may pass.
 */
export async function addParamsInParts(
  sink: EventSink,
  params: readonly Param[],
  signal: AbortSignal,
): Promise<ReadonlyMap<Param, ClearmlFailure>> {
  const refused = new Map<Param, ClearmlFailure>();
  let isTried = false;
  await inParts<Param, ClearmlFailure>(params, {
    send: async (some) => {
      const reply = await sink.addParams(some, signal);
      if (reply.kind === 'ok') return undefined;
      // For these causes, a param itself may be to blame. It must not cost the others of its request.
      if (reply.cause !== 'refused' && reply.cause !== 'tooMuch') throw reply.error;
      if (!isTried) await tryOut(sink, 'params', signal);
      isTried = true;
      return reply;
    },
    alone: (param, failure) => void refused.set(param, failure),
  });
  return refused;
}
