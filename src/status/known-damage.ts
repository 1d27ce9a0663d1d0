import { type Damage, type DamageReason, isPending, keyOfFile, keyOfRun, type RunRef } from '../model/index.ts';
import type { FactLog } from './fact-log.ts';
import type { FoundDamage } from './progress.ts';

/** The present damage, file by file, and its totals, so that no caller must go through all files. */
export class KnownDamage {
  readonly #files = new Map<string, readonly FoundDamage[]>();
  readonly #places = new Map<DamageReason, number>();
  readonly #found = new Map<DamageReason, number>();
  readonly #log: FactLog | undefined;
  #damagedFiles = 0;

  /**
   * `before`: the damage known at the end of the previous watch in the same process. For roots that are not watched
   * any more, only the counts stay.
   */
  constructor(log: FactLog | undefined, before?: KnownDamage, isWatched: (root: string) => boolean = () => true) {
    this.#log = log;
    for (const [reason, places] of before?.found ?? []) this.#found.set(reason, places);
    for (const [key, damage] of before === undefined ? [] : before.#files) {
      if (damage[0] === undefined || !isWatched(damage[0].run.root)) continue;
      const { run, file } = damage[0];
      this.#keep(key, [], run, file, damage);
    }
  }

  /** Places that are damaged or pending now, by the reason. */
  get places(): ReadonlyMap<DamageReason, number> {
    return this.#places;
  }

  /** Places that were found damaged since the start, even if they are valid again; pending ends do not count. */
  get found(): ReadonlyMap<DamageReason, number> {
    return this.#found;
  }

  /** Files with damage; files with only a pending end do not count. */
  get damagedFiles(): number {
    return this.#damagedFiles;
  }

  get all(): readonly FoundDamage[] {
    return [...this.#files.values()].flat();
  }

  first(most: number): FoundDamage[] {
    const first: FoundDamage[] = [];
    for (const damage of this.#files.values()) {
      for (const item of damage) if (first.length < most) first.push(item);
      if (first.length >= most) break;
    }
    return first;
  }

  /** Sets the present damage of a file. */
  note(run: RunRef, file: string, damage: readonly Damage[]): void {
    const key = keyOfFile(run, file);
    const known = this.#files.get(key) ?? [];
    if (known.length === 0 && damage.length === 0) return;
    // A file may have a hundred thousand damaged places, and this runs for each piece of it.
    const before = new Set(known.map(({ start, reason }) => `${start} ${reason}`));
    const starts = new Set(damage.map(({ start }) => start));
    for (const item of damage) {
      if (isPending(item) || before.has(`${item.start} ${item.reason}`)) continue;
      add(this.#found, item.reason, 1);
      this.#log?.warn({ root: run.root, run: run.path, file, ...item }, 'damage found');
    }
    for (const item of known) {
      if (!isPending(item) && !starts.has(item.start)) {
        this.#log?.info({ root: run.root, run: run.path, file, start: item.start, end: item.end }, 'damage repaired');
      }
    }
    this.#keep(key, known, run, file, damage);
  }

  /** Forgets a file that is gone, with its damage. */
  forget(run: RunRef, file: string): void {
    const key = keyOfFile(run, file);
    this.#keep(key, this.#files.get(key) ?? [], run, file, []);
  }

  /** Moves the damage of runs to the paths where they are now; some may have changed places. */
  move(moves: readonly { readonly from: RunRef; readonly to: RunRef }[]): void {
    const targets = new Map(moves.map(({ from, to }) => [keyOfRun(from), to]));
    const moved: { readonly to: RunRef; readonly file: string; readonly damage: readonly FoundDamage[] }[] = [];
    for (const damage of [...this.#files.values()]) {
      const [{ run, file }] = damage as [FoundDamage];
      const to = targets.get(keyOfRun(run));
      if (to === undefined) continue;
      moved.push({ to, file, damage });
      this.forget(run, file);
    }
    for (const { to, file, damage } of moved) {
      const key = keyOfFile(to, file);
      this.#keep(key, this.#files.get(key) ?? [], to, file, damage);
    }
  }

  #keep(key: string, known: readonly FoundDamage[], run: RunRef, file: string, damage: readonly Damage[]): void {
    for (const { reason } of known) add(this.#places, reason, -1);
    for (const { reason } of damage) add(this.#places, reason, 1);
    this.#damagedFiles += Number(isDamaged(damage)) - Number(isDamaged(known));
    if (damage.length === 0) this.#files.delete(key);
    else
      this.#files.set(
        key,
        damage.map((item) => ({ ...item, run, file })),
      );
  }
}

function isDamaged(damage: readonly Damage[]): boolean {
  return damage.some((item) => !isPending(item));
}

function add(counts: Map<DamageReason, number>, reason: DamageReason, n: number): void {
  counts.set(reason, (counts.get(reason) ?? 0) + n);
}
