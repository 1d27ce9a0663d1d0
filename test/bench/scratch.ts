// The folder in which a bench run works: logs, stores, compiled references. Nothing of it lies in the repository, and
// the work part is removed at the end.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BigLog, type BigLogOptions, bigLog } from '../support/event-writer.ts';
import { count } from './figures.ts';

/** Everything but the place of a benchmark log. */
export type LogShape = Omit<BigLogOptions, 'dir'>;

/** The working folder of one bench run. */
export class Scratch {
  /** Where references stay installed from one bench run to the next. */
  readonly cache: string;
  /** Whether references that are not installed are installed. */
  readonly mayInstall: boolean;
  /** Removed by `remove`. */
  readonly #work: string;
  /** Logs already written, by their shape: several benchmarks use the same. */
  readonly #logs = new Map<string, BigLog>();
  #folders = 0;

  constructor({ mayInstall }: { readonly mayInstall: boolean }) {
    this.cache = process.env['MIRRORBOARD_BENCH_CACHE'] ?? join(tmpdir(), 'mirrorboard-bench-cache');
    this.mayInstall = mayInstall;
    mkdirSync(this.cache, { recursive: true });
    this.#work = mkdtempSync(join(this.cache, 'work-'));
  }

  /** A new empty folder. */
  folder(name: string): string {
    const path = join(this.#work, `${name}-${++this.#folders}`);
    mkdirSync(path);
    return path;
  }

  /** The log directory of a shape, written when first asked for. */
  log(shape: LogShape): BigLog {
    const key = JSON.stringify(shape);
    const known = this.#logs.get(key);
    if (known) return known;
    const points = (shape.runs ?? 1) * (shape.tags ?? 20) * shape.steps;
    process.stderr.write(`… writing ${count(points)} points (${shape.form ?? 'simple'})\n`);
    const log = bigLog({ ...shape, dir: this.folder('logs') });
    this.#logs.set(key, log);
    return log;
  }

  /** Removes a log that is too large to keep for others. */
  dropLog(log: BigLog): void {
    for (const [key, known] of this.#logs) if (known === log) this.#logs.delete(key);
    rmSync(log.dir, { recursive: true });
  }

  /** Bytes free on the disk of the working folder. */
  async freeBytes(): Promise<number> {
    const { bavail, bsize } = await statfs(this.#work);
    return bavail * bsize;
  }

  /** Removes the working folder; synchronous, so that it can run while the process exits. */
  remove(): void {
    rmSync(this.#work, { recursive: true, force: true });
  }
}
