import { join } from 'node:path';
import { whoseRun } from '../../src/backend-kit/identity/index.ts';
import type { BackendType } from '../../src/contract/index.ts';
import { backfill } from '../../src/sync/backfill.ts';
import type { BigLog } from '../support/event-writer.ts';

export interface MirrorPlan<Settings> {
  readonly type: BackendType<Settings>;
  /** The lane's section of a configuration. */
  readonly section: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, string>>;
  /** A project or an experiment of its own. */
  readonly group: string;
  /** A folder for the state. */
  readonly home: string;
}

/** The seconds of a backfill into one tracker, from the first look at the files to the last point stored. */
export async function secondsToMirror<Settings>(log: BigLog, plan: MirrorPlan<Settings>): Promise<number> {
  const { type, section, env = {}, group, home } = plan;
  const parsed = type.parse(section, env);
  if (parsed.kind === 'problems') throw new Error(JSON.stringify(parsed.problems));
  const backend = await type.create(parsed.settings, { lane: type.type, env, warn: () => {}, whoseRun });
  const namesOf = () => ({ name: 'bench', group, tags: {} });
  const lane = { name: type.type, type: type.type, target: type.target(parsed.settings), backend, namesOf };
  const began = performance.now();
  const { lanes } = await backfill({
    roots: [{ path: log.dir }],
    store: undefined,
    trackers: [lane],
    statePath: join(home, 'state'),
    signal: new AbortController().signal,
  });
  const seconds = (performance.now() - began) / 1000;
  if (lanes?.[0]?.points !== log.points) throw new Error(`${lanes?.[0]?.points} points were stored, expected ${log.points}`);
  return seconds;
}
