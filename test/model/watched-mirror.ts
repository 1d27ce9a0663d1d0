// A watch without its threads and clocks: the same pieces, moved by hand, and killed at will.
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { LocalBackend } from '../../src/backends/local/index.ts';
import type { ReadBackPoint } from '../../src/contract/index.ts';
import { RootWatch } from '../../src/discover/index.ts';
import type { Damage } from '../../src/model/index.ts';
import { RunSession } from '../../src/reading/reader.ts';
import { FileWindow } from '../../src/tail/index.ts';
import { directoryAt } from '../support/directory.ts';
import { placeOf, pointText, type WatchedTree } from './watched-tree.ts';

const ROOT = 'logs';

/** How a pass goes. */
export interface PassOptions {
  /** Try bytes again that could not be read, in all files that have some. */
  readonly heal?: boolean;
  readonly settled?: boolean;
  /** Every batch is followed by a turn of the other runs. */
  readonly fair?: boolean;
  /** Killed when so many parcels were stored; the next one was read, but not committed. */
  readonly killAfter?: number;
}

export class WatchedMirror {
  readonly #tree: WatchedTree;
  readonly #store: { readonly path: string; readonly mediaPath: string };
  readonly #window = new FileWindow();
  #backend: LocalBackend;
  #watch: RootWatch;
  #sessions = new Map<string, RunSession>();
  #nowMs = 1_700_000_000_000;
  #rows = 0;

  constructor(tree: WatchedTree, folder: string) {
    this.#tree = tree;
    this.#store = { path: join(folder, 'store.db'), mediaPath: join(folder, 'media') };
    this.#backend = new LocalBackend(this.#store);
    this.#watch = new RootWatch({ path: tree.root, below: '' });
  }

  /** Everything in memory is lost. */
  async restart(): Promise<void> {
    await this.#backend.close();
    this.#backend = new LocalBackend(this.#store);
    this.#sessions = new Map();
    this.#watch = new RootWatch({ path: this.#tree.root, below: '' });
    this.#watch.seed(this.#backend.knownFiles(ROOT));
  }

  async close(): Promise<void> {
    await this.#backend.close();
  }

  /** Looks, reads what changed, stores it. False where it was killed on the way. */
  async pass({ heal = false, settled = false, fair = false, killAfter = Infinity }: PassOptions = {}): Promise<boolean> {
    this.#nowMs += 1000;
    const { changes } = this.#watch.scan(this.#nowMs);
    const files = new Map(changes.map(({ run, files }) => [run, new Set(files.map(({ name }) => name))]));
    if (heal) {
      for (const { run, name, isDamaged } of this.#backend.knownFiles(ROOT))
        if (isDamaged && this.#tree.exists(run, name)) files.set(run, (files.get(run) ?? new Set()).add(name));
    }
    let stored = 0;
    const others = new Set<string>();
    const due = [...files];
    for (let next = due.shift(); next !== undefined; next = due.shift()) {
      const [run, names] = next;
      const ref = { root: ROOT, path: run };
      const handle = await this.#backend.open({ run: ref, rootPath: this.#tree.root });
      const known = this.#backend.positions(ref).files;
      const series = this.#backend.catalogue(ref);
      const session = this.#sessions.get(run) ?? new RunSession({ series, known });
      this.#sessions.set(run, session);
      const job = {
        run: ref,
        directory: directoryAt(join(this.#tree.root, run)),
        series: [],
        settled,
        retriesGaps: heal,
        ...(fair ? { mostBytes: 1 } : {}),
      };
      for (const event of session.read(
        { ...job, files: [...names].sort().map((name) => ({ name, isOther: others.delete(`${run} ${name}`) })) },
        this.#window,
      )) {
        if (event.kind === 'runDone' && event.hasMore) due.push(next);
        if (event.kind === 'cutShort' && !this.#backend.holds(ref, event.file, event.last)) {
          others.add(`${run} ${event.file}`);
          due.push([run, new Set([event.file])]);
        }
        if (event.kind !== 'batch') continue;
        if (stored++ >= killAfter) {
          await this.restart();
          return false;
        }
        const [outcome] = await this.#backend.send([{ handle, batch: event.batch, state: event.state }]);
        if (outcome?.kind !== 'accepted') throw new Error(`the store did not accept: ${JSON.stringify(outcome)}`);
      }
    }
    this.#tree.wasRead();
    return true;
  }

  compact(): void {
    for (const run of this.#runs()) this.#backend.compact({ root: ROOT, path: run });
  }

  /** Nothing is missing, doubled or made up, as far as that can be said while bytes are flipped. */
  async check(): Promise<void> {
    const { must, may } = this.#tree.promised(
      (run, name) => this.#isCut(run, name),
      (run, name) => this.#isCut(run, name, true),
    );
    const seen = new Set<string>();
    for (const [key, points] of await this.#series()) {
      const tag = (JSON.parse(key) as [string, string])[1];
      for (const { place, text } of points) {
        if (seen.has(place)) throw new Error(`${tag}: twice: ${text}`);
        seen.add(place);
        if (!may.has(`${tag} ${text}`)) throw new Error(`${tag}: made up: ${text}`);
        must.delete(`${tag} ${text}`);
      }
    }
    for (const text of must) throw new Error(`missing: ${text}`);
    this.#checkRows();
  }

  /** The store holds exactly what the files hold, in their order. */
  async checkExactly(): Promise<void> {
    const wanted = this.#tree.points();
    for (const [key, points] of await this.#series()) {
      const run = (JSON.parse(key) as [string, string])[0];
      const due = wanted.get(key) ?? [];
      const isDue = new Set(due);
      // Of a file that was cut the mirror keeps what it had.
      const isThere = ({ file, text }: { file: string; text: string }): boolean =>
        this.#tree.exists(run, file) && (isDue.has(text) || !this.#isCut(run, file));
      const texts = points.filter(isThere).map(({ text }) => text);
      wanted.delete(key);
      const at = due.findIndex((text, i) => text !== texts[i]);
      if (at >= 0 || texts.length !== due.length) {
        const i = at >= 0 ? at : due.length;
        throw new Error(`${key}, point ${i}: wanted ${due[i]}, got ${texts[i]}`);
      }
    }
    const missing = [...wanted].find(([, points]) => points.length > 0);
    if (missing !== undefined) throw new Error(`nothing of ${missing[0]}`);
    this.#checkRows();
  }

  #isCut(run: string, name: string, isUndecided = false): boolean {
    const { files } = this.#backend.positions({ root: ROOT, path: run });
    const isMeant = ({ reason, look }: Damage): boolean => reason === 'cut' && (!isUndecided || look?.isWhole !== true);
    return files.some((file) => file.name === name && file.damage.some(isMeant));
  }

  #runs(): Set<string> {
    return new Set(Array.from(this.#backend.knownFiles(ROOT), ({ run }) => run));
  }

  async #series(): Promise<Map<string, { place: string; text: string; file: string }[]>> {
    const series = new Map<string, { place: string; text: string; file: string }[]>();
    for (const run of this.#runs()) {
      const handle = await this.#backend.open({ run: { root: ROOT, path: run }, rootPath: this.#tree.root });
      for await (const { tag, points } of this.#backend.readBack(handle)) {
        const key = JSON.stringify([run, tag]);
        const list = series.get(key) ?? [];
        for (const point of points as Required<ReadBackPoint>[]) {
          const place = placeOf(run, point.file, point.offset, point.index);
          const value = typeof point.value === 'string' ? undefined : Number(point.value);
          const text = pointText(place, { step: Number(point.step), wallTime: point.wallTime, value });
          list.push({ place, file: point.file, text });
        }
        series.set(key, list);
      }
    }
    return series;
  }

  /** What a file held before it was replaced is kept, once at least. The listings count what the views show. */
  #checkRows(): void {
    const db = new DatabaseSync(this.#store.path, { readOnly: true });
    try {
      const one = (sql: string): number => Number(Object.values(db.prepare(sql).get() ?? {})[0]);
      const rows = one(`SELECT count(*) FROM (
        SELECT segment.file, segment.series, point.step, point.wall_time, point.value, NULL FROM segment
          JOIN point ON point.id BETWEEN segment.first_point AND segment.last_point
        UNION SELECT file, series, step, wall_time, NULL, data FROM object)`);
      if (rows < this.#rows) throw new Error(`${this.#rows - rows} rows are gone`);
      this.#rows = rows;
      const shown = one('SELECT (SELECT count(*) FROM scalars) + (SELECT count(*) FROM histograms)');
      const listed = one('SELECT coalesce(sum(points), 0) FROM runs');
      if (shown !== listed) throw new Error(`the listings count ${listed} points, the views show ${shown}`);
    } finally {
      db.close();
    }
  }
}
