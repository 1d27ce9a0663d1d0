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

/** The names of a run in a tracker. */
export type RunNames = Pick<RunSource, 'name' | 'group' | 'tags' | 'parent' | 'holderKey'>;

/** A lane that leads to a tracker, with its backend made. */
export interface TrackerLaneOptions {
  readonly name: string;
  /** The backend's type. */
  readonly type: string;
  /** The target of the lane, without secrets: another target begins at 0. */
  readonly target: string;
  readonly backend: Backend;
  /**
   * Returns the names of a run. `assignment`: the group that a route drew for the run, and the tag that contains it.
   */
  readonly namesOf: (run: RunRef, assignment?: { readonly group: string; readonly tag: string }) => RunNames;
  /** Default: every run, whole, as its own tracker run. */
  readonly routing?: LaneRouting;
}

/** The rules of a lane: which data it gets, and where runs go in it. */
export interface LaneRouting {
  readonly route: LaneRoute;
  readonly fold: Fold;
  readonly artifacts: ArtifactRules;
  readonly joins: readonly JoinRule[];
  /** True if runs are below others. */
  readonly isNested: boolean;
  /** Expands a template for a run. */
  readonly expand: (template: string, run: RunRef) => string;
  /** True if runs are mirrored again that would now get another name, fold or place. */
  readonly isRemapping: boolean;
  /** True if runs whose tracker run no longer accepts data get a new one. */
  readonly isRebuilding: boolean;
  /** Returns the rule for a run of the root when one of its files holds other content. */
  readonly replacedOf: (rootPath: string) => Replaced;
  readonly warn: (message: string, facts: Readonly<Record<string, string | number>>) => void;
}

/** True if the decision depends on the other runs: the lane gets a root's runs once all of them are known. */
export function asksForOthers({ fold, isNested }: LaneRouting): boolean {
  return fold.asksForOthers || isNested;
}

/** Returns the prefix of the tags of a tracker run that joins one that another program opened. */
export function joinPrefixOf({ joins }: Pick<LaneRouting, 'joins'>, target: RunRef): string {
  return joinRuleOf(joins, target.path)?.prefix ?? '';
}

/** Returns the routing that mirrors every run, whole, as its own tracker run. */
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
