/** Writes the rows of series, with their tags and definitions, which stand once for all series that share them. */
import type { Series } from '../../model/index.ts';
import { oddText, type SeriesEnd, type StoredSummary } from './map.ts';
import type { PreparedStatements } from './prepared.ts';

/** What many series share. */
type Definition = Pick<Series, 'plugin' | 'dataClass' | 'form' | 'displayName' | 'description' | 'metadata'>;

/** The most tags and definitions whose rows are cached; all are dropped when there are more. */
const MOST_CACHED = 200_000;
/** Longer texts and metadata are looked up each time: a key in the cache would hold them in memory. */
const MOST_CACHED_LENGTH = 512;

/** A file of the run. */
interface NamedFile {
  readonly id: number;
  readonly name: string;
}

/** A run, and the root that it is in. */
export interface RunRow {
  readonly id: number;
  readonly root: number;
}

interface TagUse {
  readonly root: number;
  readonly tag: number;
  readonly plugin: string;
  runs: number;
  points: number;
}

const USE = `INSERT INTO tag_use (root, tag, plugin, runs, points) VALUES (?,?,?,?,?)
  ON CONFLICT DO UPDATE SET runs = runs + excluded.runs, points = points + excluded.points`;
const ADD = `INSERT INTO series (run, number, tag, definition, first_file, first_offset, count, first_step, last_step, last_wall_time,
    min, max, parts, end_file, end_offset, end_step, end_wall_time, end_value, end_odd_value)
  VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)`;
const LISTED = `count = count + ?1, first_step = min(coalesce(first_step, ?2), ?2),
    last_step = max(coalesce(last_step, ?3), ?3), last_wall_time = max(coalesce(last_wall_time, ?4), coalesce(?4, last_wall_time)),
    min = min(coalesce(min, ?5), coalesce(?5, min)), max = max(coalesce(max, ?6), coalesce(?6, max)), parts = max(parts, ?7)`;
/** Adds to the rows of the listings, inside a transaction. */
const SUMMARIZE = `UPDATE series SET ${LISTED} WHERE id = ?8`;
/** As above, if the last of the points is that of the series, too: the last one of the last file by name. */
const SUMMARIZE_END = `UPDATE series SET ${LISTED}, end_file = ?9, end_offset = ?10, end_step = ?11, end_wall_time = ?12,
    end_value = ?13, end_odd_value = ?14
  WHERE id = ?8 AND (end_file IS NULL OR CASE WHEN end_file = ?9 THEN end_offset <= ?10
    ELSE coalesce((SELECT name FROM file WHERE id = end_file), '') < ?15 END)`;

/** Writes series and what is known of each as a whole. */
export class SeriesWriter {
  readonly #statements: PreparedStatements;
  readonly #tags = new Map<string, number>();
  readonly #definitions = new Map<string, number>();
  /** What `flush` adds to the table of uses. */
  readonly #uses = new Map<string, TagUse>();

  constructor(statements: PreparedStatements) {
    this.#statements = statements;
  }

  /** Drops what a failed transaction may have made wrong. */
  forget(): void {
    this.#tags.clear();
    this.#definitions.clear();
    this.#uses.clear();
  }

  /** Adds a series with its first points, if there are any, to a run; returns its row. `flush` must follow. */
  add(run: RunRow, series: Series, file?: NamedFile, summary?: StoredSummary): number {
    const { count = 0, firstStep = null, lastStep = null, lastWallTime = null, min = null, max = null, parts = 0, end } = summary ?? {};
    const tag = this.tag(series.tag);
    if (count > 0) this.#use(run.root, tag, series.plugin, count);
    const [value, odd] = endValue(end);
    const { lastInsertRowid } = this.#statements
      .prepare(ADD)
      .run(
        run.id,
        series.id,
        tag,
        this.definition(series),
        series.firstFile,
        series.firstOffset,
        count,
        firstStep,
        lastStep,
        lastWallTime,
        min,
        max,
        parts,
        end === undefined ? null : (file?.id ?? null),
        end?.offset ?? null,
        end?.step ?? null,
        end?.wallTime ?? null,
        value,
        odd,
      );
    return Number(lastInsertRowid);
  }

  /** Counts the tags of added series, before the transaction ends: once each, as many runs have the same ones. */
  flush(): void {
    for (const { root, tag, plugin, runs, points } of this.#uses.values()) {
      this.#statements.prepare(USE).run(root, tag, plugin, runs, points);
    }
    this.#uses.clear();
  }

  #use(root: number, tag: number, plugin: string, count: number): void {
    const key = `${root} ${tag} ${plugin}`;
    const use = this.#uses.get(key);
    if (use === undefined) this.#uses.set(key, { root, tag, plugin, runs: 1, points: count });
    else {
      use.runs++;
      use.points += count;
    }
  }

  /** Adds points of one file to the listing of a series. */
  summarize(series: number, file: NamedFile, summary: StoredSummary): void {
    const { count, firstStep, lastStep, lastWallTime, min, max, parts, end } = summary;
    const [value, odd] = endValue(end);
    const { changes } = this.#statements
      .prepare(SUMMARIZE_END)
      .run(
        count,
        firstStep,
        lastStep,
        lastWallTime,
        min,
        max,
        parts,
        series,
        file.id,
        end.offset,
        end.step,
        end.wallTime,
        value,
        odd,
        file.name,
      );
    if (changes > 0) return;
    this.#statements.prepare(SUMMARIZE).run(count, firstStep, lastStep, lastWallTime, min, max, parts, series);
  }

  /** Returns the row of a tag, which it adds if there is none. */
  tag(name: string): number {
    return cached(this.#tags, name, () => {
      this.#statements.prepare('INSERT INTO tag (name) VALUES (?) ON CONFLICT DO NOTHING').run(name);
      return Number(this.#statements.prepare('SELECT id FROM tag WHERE name = ?').get(name)?.['id']);
    });
  }

  /** Returns the row of a definition, which it adds if there is none. */
  definition({ plugin, dataClass, form, displayName, description, metadata }: Definition): number {
    const key = JSON.stringify([plugin, dataClass, form, displayName, description, Buffer.from(metadata).toString('latin1')]);
    return cached(this.#definitions, key, () => {
      const facts = { plugin, dataClass, form, displayName, description, metadata };
      this.#statements
        .prepare(
          `INSERT INTO definition (plugin, data_class, form, display_name, description, metadata)
           VALUES (:plugin, :dataClass, :form, :displayName, :description, :metadata) ON CONFLICT DO NOTHING`,
        )
        .run(facts);
      const found = this.#statements
        .prepare(
          `SELECT id FROM definition WHERE plugin = :plugin AND data_class = :dataClass AND form = :form
             AND display_name = :displayName AND description = :description AND metadata = :metadata`,
        )
        .get(facts);
      return Number(found?.['id']);
    });
  }
}

/** Returns the last value of a series as its two columns have it; null without one. */
function endValue(end: SeriesEnd | undefined): [value: number | null, odd: string | null] {
  return end?.value === undefined ? [null, null] : [Number(end.value), oddText(end.value)];
}

function cached(rows: Map<string, number>, key: string, find: () => number): number {
  const known = rows.get(key);
  if (known !== undefined) return known;
  const row = find();
  if (rows.size >= MOST_CACHED) rows.clear();
  if (key.length <= MOST_CACHED_LENGTH) rows.set(key, row);
  return row;
}
