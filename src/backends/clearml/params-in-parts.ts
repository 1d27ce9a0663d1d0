import { inParts } from '../../backend-kit/sending/index.ts';
import type { ClearmlFailure } from './answers.ts';
import type { Param } from './map.ts';
import type { EventSink } from './sink.ts';
import { tryOut } from './trial.ts';

/**
 * Adds params. If a request is refused, the server has to take another param first; then it is sent in halves, until
 * the params to blame are alone. Returns why these are not there. Throws what may pass.
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
      // With these a param may be to blame itself, and must not cost the others of its request.
      if (reply.cause !== 'refused' && reply.cause !== 'tooMuch') throw reply.error;
      if (!isTried) await tryOut(sink, 'params', signal);
      isTried = true;
      return reply;
    },
    alone: (param, failure) => void refused.set(param, failure),
  });
  return refused;
}
