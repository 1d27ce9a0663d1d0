// Asks a store the questions that come from the parent process, and measures each try. A process of its own: its memory
// is not that of the benchmarks before.
import { StoreQuery } from '../../src/query/index.ts';
import type { Answered, Asked } from './query.ts';

const TRIES = 9;

process.once('message', ({ store, asked }: { readonly store: string; readonly asked: readonly Asked[] }) => {
  const query = new StoreQuery(store);
  const answers = asked.map(({ what, question }): Answered => {
    const ms: number[] = [];
    let found = 0;
    for (let i = 0; i < TRIES; i++) {
      const began = performance.now();
      const answer: unknown = query.ask(question);
      ms.push(performance.now() - began);
      found = sizeOf(answer);
    }
    return { what, found, ms };
  });
  query.close();
  process.send?.(answers, () => process.disconnect?.());
});

function sizeOf(answer: unknown): number {
  if (Array.isArray(answer)) return answer.length;
  const { runs } = answer as { readonly runs?: unknown };
  return Array.isArray(runs) ? runs.length : 0;
}
