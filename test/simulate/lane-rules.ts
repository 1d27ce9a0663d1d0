// What a lane leaves out, and where and under which names it has the rest: as rules for the service, and as a model of
// them that knows nothing of the service.
import { type LaneRouting, wholeRouting } from '../../src/lanes/index.ts';
import { Fold, LaneRoute, type RouteRule } from '../../src/route/index.ts';
import type { WrittenPoint } from './truth.ts';

/** One rule of a lane. */
export type LaneRule =
  /** It gets no points of a tag. */
  | { readonly kind: 'drops'; readonly tag: string }
  /** Of a tag, it gets only steps that are multiples. */
  | { readonly kind: 'thins'; readonly tag: string; readonly every: number }
  /** A tag has another name there. */
  | { readonly kind: 'renames'; readonly tag: string; readonly to: string }
  /** It does not get a run, and those below it. */
  | { readonly kind: 'leavesOut'; readonly run: string }
  /** A directory of this name is a part of the run above it. */
  | { readonly kind: 'folds'; readonly name: string };

/** Where a lane has a file: in which run, and under which name. */
export interface FilePlace {
  readonly run: string;
  readonly file: string;
}

/** The rules of one lane. */
export class LaneRules {
  readonly #lane: string;
  readonly #rules: readonly LaneRule[];

  constructor(lane: string, rules: readonly LaneRule[] = []) {
    this.#lane = lane;
    this.#rules = rules;
  }

  /** The rules as the service gets them. */
  routing(): LaneRouting {
    const lane = this.#lane;
    const rules = this.#rules.flatMap((rule, i): RouteRule[] => {
      const location = `rule ${i + 1}`;
      switch (rule.kind) {
        case 'drops':
          return [{ location, tags: [rule.tag], drop: true }];
        case 'thins':
          return [{ location, tags: [rule.tag], every: rule.every }];
        case 'renames':
          return [{ location, tags: [rule.tag], rename: rule.to }];
        case 'leavesOut':
          return [{ location, runs: [rule.run], except: [lane] }];
        default:
          return [];
      }
    });
    const names = this.#rules.flatMap((rule) => (rule.kind === 'folds' ? [rule.name] : []));
    return {
      ...wholeRouting(lane),
      route: new LaneRoute({ rules, lane, lanes: [], base: lane, expand: (template) => template }),
      fold: new Fold({ names, flat: [], hparams: false }),
    };
  }

  /** True if the lane should have a run. */
  hasRun(run: string): boolean {
    return !this.#rules.some((rule) => rule.kind === 'leavesOut' && (run === rule.run || run.startsWith(`${rule.run}/`)));
  }

  /** True if the lane should have a point of the runs that it gets. */
  isMeant({ tag, step }: Pick<WrittenPoint, 'tag' | 'step'>): boolean {
    return !this.#rules.some(
      (rule) => (rule.kind === 'drops' && rule.tag === tag) || (rule.kind === 'thins' && rule.tag === tag && step % rule.every !== 0),
    );
  }

  placeOf(run: string, file: string): FilePlace {
    const at = run.lastIndexOf('/');
    const folded = this.#rules.some((rule) => rule.kind === 'folds' && at > 0 && rule.name === run.slice(at + 1));
    return folded ? { run: run.slice(0, at), file: `${run.slice(at + 1)}/${file}` } : { run, file };
  }

  /** The name of a tag. `file`: as the tracker run has it. */
  nameOf(tag: string, file: string): string {
    const to = this.#rules.find((rule) => rule.kind === 'renames' && rule.tag === tag) as { readonly to: string } | undefined;
    return file.slice(0, file.lastIndexOf('/') + 1) + (to?.to ?? tag);
  }
}
