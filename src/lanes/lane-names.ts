/**
 * The names of a lane's runs and series in its tracker, and back. They come from the state only, whatever the
 * configuration contains now.
 */
import { keyOfRun, type RunRef } from '../model/index.ts';
import { type LeftOut, nameThere, plainMapping, type RunMapping } from '../route/index.ts';
import type { LaneReader } from '../state/index.ts';

/** A series as it is in its files. */
interface SourceSeries {
  readonly run: RunRef;
  readonly tag: string;
}

interface Target {
  readonly ref: RunRef;
  readonly sources: readonly RunRef[];
  /** The series by their names in the tracker run. */
  readonly series: ReadonlyMap<string, SourceSeries>;
}

/** The tracker run, tag and file under which a lane has the points of a run, by the mappings in the state. */
export class LaneNames {
  readonly #lane: LaneReader;
  readonly #mappings = new Map<string, RunMapping>();
  /** The runs that are folded into a target, by the target's key. */
  readonly #folded = new Map<string, RunRef[]>();
  readonly #targets = new Map<string, Target>();

  constructor(lane: LaneReader) {
    this.#lane = lane;
    for (const [run, mapping] of lane.mappings()) {
      this.#mappings.set(keyOfRun(run), mapping);
      if (mapping.target === run.path) continue;
      const key = keyOfRun({ root: run.root, path: mapping.target });
      this.#folded.set(key, [...(this.#folded.get(key) ?? []), run]);
    }
  }

  /** Returns the lane's mapping of a run. */
  mappingOf(run: RunRef): RunMapping {
    return this.#mappings.get(keyOfRun(run)) ?? plainMapping(run.path);
  }

  /** True if the lane excludes a run. */
  isOut(run: RunRef): boolean {
    return this.mappingOf(run).isOut;
  }

  targetOf(run: RunRef): RunRef {
    return { root: run.root, path: this.mappingOf(run).target };
  }

  /** Returns a run's file as its tracker run names it. */
  fileOf(run: RunRef, name: string): string {
    return `${below(this.targetOf(run), run)}${name}`;
  }

  /** Returns the file of a run that a tracker run names this way; undefined if it belongs to another run. */
  ownFile(run: RunRef, file: string): string | undefined {
    const prefix = below(this.targetOf(run), run);
    if (!file.startsWith(prefix)) return undefined;
    const name = file.slice(prefix.length);
    return name.includes('/') ? undefined : name;
  }

  nameOf(run: RunRef, tag: string, plugin: string): string {
    return nameThere(this.mappingOf(run), tag, plugin, run.path);
  }

  /** Returns the parts of a series that the lane left out. */
  leftOf(run: RunRef, tag: string): LeftOut | undefined {
    const { left } = this.mappingOf(run);
    return Object.hasOwn(left, tag) ? left[tag] : undefined;
  }

  /**
   * Returns the run that a series of a tracker run belongs to. If that is unknown: the run whose prefix it has,
   * otherwise the first.
   */
  sourceOf(target: RunRef, name: string): SourceSeries {
    const { series, sources } = this.#target(target);
    const known = series.get(name);
    if (known !== undefined) return known;
    let best: { readonly run: RunRef; readonly prefix: string } | undefined;
    for (const run of sources) {
      const { joinPrefix = '', prefix: own } = this.mappingOf(run);
      const prefix = joinPrefix + own;
      if (name.startsWith(prefix) && (best === undefined || prefix.length > best.prefix.length)) best = { run, prefix };
    }
    return { run: best?.run ?? sources[0] ?? target, tag: name.slice(best?.prefix.length ?? 0) };
  }

  #target(ref: RunRef): Target {
    const key = keyOfRun(ref);
    const known = this.#targets.get(key);
    if (known !== undefined) return known;
    const isOwn = this.mappingOf(ref).target === ref.path && this.#lane.known(ref).files.length > 0;
    const sources = [...(isOwn ? [ref] : []), ...(this.#folded.get(key) ?? [])];
    const series = new Map<string, SourceSeries>();
    for (const run of sources) {
      for (const { tag, plugin } of this.#lane.catalogue(run)) {
        const left = this.leftOf(run, tag);
        if (left?.every === 0 && left.from === undefined) continue;
        series.set(this.nameOf(run, tag, plugin), { run, tag });
      }
    }
    const target = { ref, sources, series };
    this.#targets.set(key, target);
    return target;
  }
}

function below({ path: target }: RunRef, { path }: RunRef): string {
  if (path === target) return '';
  return target === '.' ? `${path}/` : `${path.slice(target.length + 1)}/`;
}
