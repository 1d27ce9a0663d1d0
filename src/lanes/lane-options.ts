import { type ArtifactRules, type JoinRule, joinRuleOf } from '../artifacts/index.ts';
import type { Backend, RunSource } from '../contract/index.ts';
import type { RunRef } from '../model/index.ts';
import { Fold, LaneRoute, type Replaced } from '../route/index.ts';

/** The local store of a configuration. */
export interface StoreOptions {
  /** The SQLite file. */
  readonly path: string;
  /** The folder of media. */
  readonly mediaPath: string;
}

/** What a run is called in a tracker. */
export type RunNames = Pick<RunSource, 'name' | 'group' | 'tags' | 'parent' | 'holderKey'>;

/** A lane that leads to a tracker, with its backend made. */
export interface TrackerLaneOptions {
  readonly name: string;
  /** The backend's type. */
  readonly type: string;
  /** Where it leads, without secrets: another target begins at 0. */
  readonly target: string;
  readonly backend: Backend;
  /** `assignment`: the group that a route has drawn for the run, and the tag that says it. */
  readonly namesOf: (run: RunRef, assignment?: { readonly group: string; readonly tag: string }) => RunNames;
  /** Default: every run, whole, as its own tracker run. */
  readonly routing?: LaneRouting;
}

/** What a lane gets, and where runs go in it. */
export interface LaneRouting {
  readonly route: LaneRoute;
  readonly fold: Fold;
  readonly artifacts: ArtifactRules;
  readonly joins: readonly JoinRule[];
  /** Whether runs are below others. */
  readonly isNested: boolean;
  /** What a template says of a run. */
  readonly expand: (template: string, run: RunRef) => string;
  /** Runs that would be named, folded or placed otherwise today are restarted. */
  readonly isRemapping: boolean;
  /** Runs whose tracker run can no longer be written to get a new one. */
  readonly isRebuilding: boolean;
  /** What happens to a run of the root that lies there when a file of it holds other content. */
  readonly replacedOf: (rootPath: string) => Replaced;
  readonly warn: (message: string, facts: Readonly<Record<string, string | number>>) => void;
}

/** True if it matters which other runs there are: the lane hears of a root's runs when all of them are known. */
export function asksForOthers({ fold, isNested }: LaneRouting): boolean {
  return fold.asksForOthers || isNested;
}

/** The prefix of the tags of a tracker run that joins one that another program opened. */
export function joinPrefixOf({ joins }: Pick<LaneRouting, 'joins'>, target: RunRef): string {
  return joinRuleOf(joins, target.path)?.prefix ?? '';
}

/** Every run, whole, as its own tracker run. */
export function wholeRouting(lane: string): LaneRouting {
  return {
    route: new LaneRoute({ rules: [], lane, lanes: [], base: lane, expand: (template) => template }),
    fold: new Fold({ names: [], flat: [], hparams: false }),
    artifacts: { params: [], artifacts: [] },
    joins: [],
    isNested: false,
    expand: (template) => template,
    isRemapping: false,
    isRebuilding: false,
    replacedOf: () => 'new_run',
    warn: () => undefined,
  };
}
