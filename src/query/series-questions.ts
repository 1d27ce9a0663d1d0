/** Answers questions about one kind of series over many runs: what there is, and a few points of each. */
import { exact, type PreparedStatements, wide } from '../backends/local/index.ts';
import type { DataClass, RunRef } from '../model/index.ts';
import type { SampleRequest, ScalarSample, SeriesDefinition, SeriesListing, SeriesSelection, ValueSample } from './questions.ts';
import type { QueriedRun } from './run-table.ts';
import type { RunQuestions } from './runs.ts';
import { sampledIndexes, shareOf } from './sample.ts';
import { Stopped } from './scalars.ts';
import { shownPoints } from './shown.ts';
import { type ScalarSources, shownScalars } from './shown-scalars.ts';
import { placedValues, sessionStarts, storedValue } from './values.ts';

/** The runs whose series are read together. */
const RUNS_AT_ONCE = 100;
/** The most tags that are looked up one by one in each run. */
const LOOKED_UP_TAGS = 20;
/** The most points of an answer, if the question has no limit. */
const BUDGET = 100_000;

/** A series without scalars is in no list of scalars: only `min` of a series without numbers leaves that open. */
const HAS_SCALARS = `(definition.data_class <> 'scalar' OR series.min IS NOT NULL
  OR EXISTS (SELECT 1 FROM segment WHERE segment.series = series.id))`;

/** A series that a question selects. */
interface FoundSeries {
  readonly row: number;
  readonly run: QueriedRun;
  readonly definition: SeriesDefinition;
  readonly number: number;
  readonly lastStep: number | bigint;
  readonly lastWallTime: number;
  readonly parts: number;
}

/** The answers to questions about selected series. */
export class SeriesQuestions {
  readonly #db: PreparedStatements;
  readonly #sources: ScalarSources;
  readonly #runs: RunQuestions;

  constructor(sources: ScalarSources, runs: RunQuestions) {
    this.#db = sources.db;
    this.#sources = sources;
    this.#runs = runs;
  }

  /** Returns the series in columns: a store may have millions. */
  listing(select: SeriesSelection, isStopped: () => boolean): SeriesListing {
    const [runs, definitions] = [new Map<RunRef, number>(), new Map<SeriesDefinition, number>()];
    const columns: [number[], number[], bigint[], number[], number[]] = [[], [], [], [], []];
    for (const found of this.#found(select, isStopped)) {
      columns[0].push(indexIn(runs, found.run.run));
      columns[1].push(indexIn(definitions, found.definition));
      columns[2].push(BigInt(found.lastStep));
      columns[3].push(found.lastWallTime);
      columns[4].push(found.parts);
    }
    return {
      runs: [...runs.keys()],
      definitions: [...definitions.keys()],
      run: Uint32Array.from(columns[0]),
      definition: Uint32Array.from(columns[1]),
      lastStep: BigInt64Array.from(columns[2]),
      lastWallTime: Float64Array.from(columns[3]),
      mostParts: Uint32Array.from(columns[4]),
    };
  }

  /** Returns a few scalars of each selected series. */
  scalars({ select, ...limits }: SampleRequest, isStopped: () => boolean): ScalarSample[] {
    const found = [...this.#found(select, isStopped)];
    const most = mostOf(limits, found.length);
    return found.flatMap(({ row, run, definition: { tag } }): ScalarSample[] => {
      const points = shownScalars(this.#sources, { series: row, run: run.id }, limits.shown ?? 'tensorboard', isStopped);
      if (points.length === 0) return [];
      const values = Float64Array.from(points, ({ value }) => Number(value));
      const indexes = sampledIndexes(points.length, most, values);
      const chosen = indexes === undefined ? points : indexes.map((i) => points[i] as (typeof points)[number]);
      return [
        {
          run: run.run,
          tag,
          step: BigInt64Array.from(chosen, ({ step }) => BigInt(step)),
          wallTime: Float64Array.from(chosen, ({ wallTime }) => wallTime),
          value: indexes === undefined ? values : Float64Array.from(indexes, (i) => values[i] as number),
        },
      ];
    });
  }

  /** Returns a few values of each selected series. */
  values({ select, ...limits }: SampleRequest, isStopped: () => boolean): ValueSample[] {
    const found = [...this.#found(select, isStopped)];
    const most = mostOf(limits, found.length);
    return found.flatMap(({ row, run, definition }): ValueSample[] => {
      const points = shownPoints(placedValues(this.#db, row), limits.shown ?? 'tensorboard', () => sessionStarts(this.#db, run.id));
      const indexes = sampledIndexes(points.length, most);
      const chosen = indexes === undefined ? points : indexes.map((i) => points[i] as (typeof points)[number]);
      const values = chosen.map((placed) => {
        if (isStopped()) throw new Stopped();
        return storedValue(this.#db, placed);
      });
      return values.length === 0 ? [] : [{ run: run.run, definition, values }];
    });
  }

  /** Yields the selected series by root and path of the run, and by their first appearance in it. */
  *#found({ root, runs, tags, plugin, dataClass }: SeriesSelection, isStopped: () => boolean): Generator<FoundSeries, void, void> {
    const chosen = runs === undefined ? this.#runs.selected({ ...(root === undefined ? {} : { root }) }) : this.#chosen(root, runs);
    const byId = new Map(chosen.map((run) => [run.id, run]));
    const isLookedUp = tags !== undefined && tags.length <= LOOKED_UP_TAGS;
    const wanted = tags === undefined || isLookedUp ? undefined : new Set(tags);
    const statement = this.#db.prepare(
      `SELECT series.id, series.run, series.number, series.tag, ${exact('coalesce(series.end_step, series.last_step)')},
         coalesce(series.end_wall_time, series.last_wall_time), series.definition, ${dataClass === 'blob_sequence' ? 'series.parts' : '0'}
       FROM json_each(?1) AS chosen ${isLookedUp ? 'CROSS JOIN json_each(?4) AS wanted CROSS JOIN tag ON tag.name = wanted.value' : ''}
         CROSS JOIN series ON series.run = chosen.value ${isLookedUp ? 'AND series.tag = tag.id' : ''}
         CROSS JOIN definition ON definition.id = series.definition
       WHERE definition.plugin = ?2 AND definition.data_class = ?3 AND series.count > 0 AND ${HAS_SCALARS}`,
    );
    statement.setReturnArrays(true);
    const definitions = new Definitions(this.#db, plugin, dataClass);
    const ids = [...byId.keys()];
    // All rows of some runs at once take a quarter of the time of one row after the other, and not the memory of all.
    for (let from = 0; from < ids.length; from += RUNS_AT_ONCE) {
      if (isStopped()) throw new Stopped();
      const some = JSON.stringify(ids.slice(from, from + RUNS_AT_ONCE));
      const rows = isLookedUp ? statement.all(some, plugin, dataClass, JSON.stringify(tags)) : statement.all(some, plugin, dataClass);
      yield* this.#ordered(rows as unknown as readonly (readonly unknown[])[], byId, { definitions, wanted });
    }
  }

  /** Yields the series of rows that are sorted by run, in the order of their first appearance in it. */
  *#ordered(
    rows: readonly (readonly unknown[])[],
    byId: ReadonlyMap<number, QueriedRun>,
    { definitions, wanted }: { readonly definitions: Definitions; readonly wanted: ReadonlySet<string> | undefined },
  ): Generator<FoundSeries, void, void> {
    let ofRun: FoundSeries[] = [];
    for (const row of rows) {
      const [id, runId, number, tag, lastStep, lastWallTime, definition, parts] = row;
      const run = byId.get(Number(runId)) as QueriedRun;
      if (ofRun[0] !== undefined && ofRun[0].run !== run) {
        yield* ofRun.sort(byNumber);
        ofRun = [];
      }
      const found = definitions.of(tag as TagRow, Number(definition));
      if (wanted !== undefined && !wanted.has(found.tag)) continue;
      ofRun.push({
        row: Number(id),
        run,
        number: Number(number),
        lastStep: wide(lastStep),
        lastWallTime: lastWallTime === null ? Number.NaN : Number(lastWallTime),
        parts: Number(parts),
        definition: found,
      });
    }
    yield* ofRun.sort(byNumber);
  }

  #chosen(root: string | undefined, runs: readonly RunRef[]): QueriedRun[] {
    return runs
      .filter((run) => root === undefined || run.root === root)
      .map((run) => this.#runs.find(run))
      .filter((run) => run !== undefined);
  }
}

/** The key of a tag: its name in a store of schema version 1. */
type TagRow = number | string;

/** Gives equal definitions of a tag one object: a tag usually has the same one in all runs. */
class Definitions {
  readonly #db: PreparedStatements;
  readonly #plugin: string;
  readonly #dataClass: DataClass;
  readonly #byTag = new Map<TagRow, Map<number, SeriesDefinition>>();

  constructor(db: PreparedStatements, plugin: string, dataClass: DataClass) {
    this.#db = db;
    this.#plugin = plugin;
    this.#dataClass = dataClass;
  }

  /** Returns the definition in a row, for the tag in another row: their names are read once, not with each series. */
  of(tag: TagRow, row: number): SeriesDefinition {
    let known = this.#byTag.get(tag);
    if (known === undefined) {
      known = new Map();
      this.#byTag.set(tag, known);
    }
    let found = known.get(row);
    if (found === undefined) {
      found = this.#read(tag, row);
      known.set(row, found);
    }
    return found;
  }

  #read(tag: TagRow, row: number): SeriesDefinition {
    const name = this.#db.prepare('SELECT name FROM tag WHERE id = ?').get(tag)?.['name'];
    const found = this.#db.prepare('SELECT form, display_name, description, metadata FROM definition WHERE id = ?').get(row);
    return {
      tag: String(name),
      plugin: this.#plugin,
      dataClass: this.#dataClass,
      form: String(found?.['form']),
      displayName: String(found?.['display_name']),
      description: String(found?.['description']),
      metadata: (found?.['metadata'] ?? new Uint8Array(0)) as Uint8Array,
    };
  }
}

function byNumber(a: FoundSeries, b: FoundSeries): number {
  return a.number - b.number;
}

function indexIn<Item>(indexes: Map<Item, number>, item: Item): number {
  const index = indexes.get(item) ?? indexes.size;
  if (index === indexes.size) indexes.set(item, index);
  return index;
}

/** Returns the most points of a series. A caller that asks for many points of a series gets a larger budget. */
function mostOf({ most = BUDGET, budget = BUDGET }: Omit<SampleRequest, 'select'>, series: number): number {
  return shareOf({ most, budget: Math.max(budget, most), series });
}
