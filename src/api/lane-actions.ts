/** The requests for lanes: what `mirrorboard lane` asks for. */
import { z } from 'zod';
import { suggestion } from '../closest-name.ts';
import { FileLock, keepLaneWish, type LaneWish } from '../state/index.ts';
import { pausedJson } from '../status/index.ts';
import { type Action, action } from './action.ts';
import { named } from './components.ts';
import type { ConfiguredLane, LaneFacts } from './lane-facts.ts';
import { pause } from './lane-routes.ts';
import { oneText } from './parameters.ts';
import { Refusal } from './problem.ts';
import { whenUnlocked } from './when-unlocked.ts';

const laneWish = named(
  'LaneRequest',
  z.object({
    lane: z.string(),
    where: z.string(),
    action: z.enum(['pause', 'resume', 'retry']),
    changed: z.boolean().meta({ description: 'False if the lane was in that state before.' }),
    paused: z.array(pause).nullable(),
    driven: z
      .boolean()
      .meta({ description: 'True if a process has the state: it does this within two seconds. Otherwise, the next one does.' }),
  }),
);

const ofRoots = z.strictObject({ root: oneText.optional().meta({ description: 'Only this root.' }) });
const ofLane = z.strictObject({});

async function laneNamed(lanes: LaneFacts, name: string): Promise<ConfiguredLane> {
  const known = await lanes.configured();
  const found = known.filter((lane) => lane.name === name);
  if (found.length === 1 && found[0] !== undefined) return found[0];
  if (found.length > 1) {
    throw new Refusal(409, 'MB5001', `the state knows the lane ${name} with several targets, and the configuration is unknown`);
  }
  throw new Refusal(
    404,
    'MB5003',
    `no such lane: ${name}${suggestion(
      name,
      known.map((lane) => lane.name),
    )}`,
    { hint: 'GET /api/v1/lanes lists the lanes.' },
  );
}

function laneAction(kind: LaneWish['kind'], summary: string): Action {
  return action({
    path: `/lanes/{lane}/${kind}`,
    id: `${kind}Lane`,
    summary,
    body: kind === 'retry' ? ofLane : ofRoots,
    answer: laneWish,
    handle: async ({ lanes }, body, names) => {
      const { name, target } = await laneNamed(lanes, names['lane'] ?? '');
      const root = 'root' in body && typeof body.root === 'string' ? [body.root] : [];
      const { pauses, isNews } = await whenUnlocked(lanes.clock, 'MB3106', () =>
        keepLaneWish(lanes.path, { kind, name, target, roots: root, nowMs: lanes.nowMs }, 0),
      );
      return {
        lane: name,
        where: target,
        action: kind,
        changed: isNews,
        paused: pausedJson(pauses) as z.input<typeof pause>[] | null,
        driven: FileLock.holder(lanes.path) !== undefined,
      };
    },
  });
}

/** The requests for lanes. */
export const LANE_ACTIONS: readonly Action[] = [
  laneAction('pause', 'Send nothing to a lane until it resumes.'),
  laneAction('resume', 'End the pause of a lane.'),
  laneAction('retry', 'Retry now everything that a lane would retry later.'),
];
