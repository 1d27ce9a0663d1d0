/** The lanes of a run: how far each is, and where it shows the run. */
import { z } from 'zod';
import type { RunProgress } from '../query/index.ts';
import { count, named, time } from './components.ts';
import type { LaneRunFact } from './lane-facts.ts';

const states = ['mirrored', 'behind', 'differs', 'stopped', 'refused', 'absent'] as const;

/** The form of a run in a lane. */
export const laneOfRun = named(
  'LaneOfRun',
  z.object({
    name: z.string(),
    state: z.enum(states).meta({
      description:
        '`mirrored`; `behind`: data of its files is pending; `differs`: `verify` found a difference; `stopped`: the tracker accepts ' +
        'no more data; `refused`: the tracker refused part of it; `absent`: the lane has nothing of it.',
    }),
    points: count.nullable().meta({ description: 'The points that the lane accepted.' }),
    behind_bytes: count,
    refused: count.meta({ description: 'Points and files that the tracker refused.' }),
    differences: count.meta({ description: 'The differences that the last `verify` found in the run, see /differences.' }),
    url: z.string().nullable().meta({ description: 'The page of the run in the tracker.' }),
    verified_at: time.nullable().meta({ description: 'When `verify` last compared the whole lane.' }),
  }),
);

/** Returns a run in its lanes. `stored`: what the local store has of it. */
export function lanesJson(
  facts: readonly LaneRunFact[],
  stored: (RunProgress & { readonly points: number }) | undefined,
): z.input<typeof laneOfRun>[] {
  // The lane that has read the most of the files tells how much there is.
  const known = facts.reduce((most, { listed }) => Math.max(most, listed?.read ?? 0), stored?.readBytes ?? 0);
  return facts.map(({ lane, listed, url, isStopped, verdict, differences }) => {
    const isLocal = lane.name === 'local';
    const has = isLocal ? (stored?.readBytes ?? 0) : (listed?.delivered ?? 0);
    const isOut = listed?.isOut === true;
    const behind = isOut ? 0 : Math.max(0, known - has);
    const refused = (listed?.refused ?? 0) + (listed?.refusedFiles ?? 0);
    const state: (typeof states)[number] = isOut
      ? 'absent'
      : isStopped
        ? 'stopped'
        : differences > 0
          ? 'differs'
          : behind > 0
            ? has === 0
              ? 'absent'
              : 'behind'
            : (listed?.gaps ?? 0) > 0
              ? 'behind'
              : refused > 0
                ? 'refused'
                : 'mirrored';
    return {
      name: lane.name,
      state,
      points: isLocal ? (stored?.points ?? null) : (listed?.points ?? null),
      behind_bytes: behind,
      refused,
      differences,
      url: url ?? null,
      verified_at: verdict === undefined ? null : new Date(verdict.atMs).toISOString(),
    };
  });
}
