/** The requests for runs: whether pages list them. */
import { z } from 'zod';
import { keepVisibility, VISIBILITIES } from '../backends/local/index.ts';
import { type Action, action } from './action.ts';
import { count } from './components.ts';
import { runIn, runText } from './parameters.ts';
import { whenUnlocked } from './when-unlocked.ts';

const MOST_RUNS = 10_000;

/** Returns the requests. `storePath`: the store that keeps what is asked. */
export function runActions(storePath: string): readonly Action[] {
  return [
    action({
      path: '/runs/visibility',
      id: 'setVisibility',
      summary: 'Lists runs, hides or archives them: all of them, or none if one is unknown. Nothing else changes.',
      body: z.strictObject({
        runs: z.array(runText).min(1).max(MOST_RUNS).meta({ description: 'The runs, as ROOT/PATH.' }),
        visibility: z.enum(VISIBILITIES, { error: `expected ${VISIBILITIES.join(', ')}` }),
      }),
      answer: z.object({ changed: count.meta({ description: 'The number of runs.' }), visibility: z.enum(VISIBILITIES) }),
      handle: async ({ lanes }, { runs, visibility }) => {
        const chosen = [...new Set(runs)].map(runIn);
        await whenUnlocked(lanes.clock, 'MB3004', () => keepVisibility(storePath, chosen, visibility));
        return { changed: chosen.length, visibility };
      },
    }),
  ];
}
