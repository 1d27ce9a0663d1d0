// Works on a log tree at random, as people, trainings and sync tools do, and knows every byte of it.
import {
  chmodSync,
  closeSync,
  ftruncateSync,
  linkSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { isEventFileName } from '../../src/discover/index.ts';
import { ActorFile, type ActorRecord, RecordMaker, type Writing } from './actor-files.ts';
import type { FaultyWorld } from './faulty-world.ts';

type Work = (file: ActorFile) => string | undefined;

/**
 * Whether the names of transfers are passed over, and links to a file are not read once more: only then is there one
 * right answer.
 */
const KNOWS_TRANSFERS = !isEventFileName('.events.out.tfevents.1.Ab3dE6');

export class ActorTree {
  /** Where the root belongs. */
  readonly root: string;
  /** Files by their paths, those that are gone included. */
  readonly files = new Map<string, ActorFile>();
  readonly #make = new RecordMaker();
  readonly #random: () => number;
  readonly #world: FaultyWorld;
  readonly #staging: string;
  #isAway = false;
  readonly #works: readonly (readonly [weight: number, work: Work])[];

  constructor(root: string, world: FaultyWorld, random: () => number) {
    this.root = root;
    this.#world = world;
    this.#random = random;
    this.#staging = `${root}.staging`;
    mkdirSync(root);
    mkdirSync(this.#staging);
    this.#works = [
      [12, (file) => this.#append(file)],
      [8, (file) => this.#tear(file)],
      [3, (file) => this.#writeOver(file, 'cp')],
      [3, (file) => this.#writeOver(file, 'scp')],
      [KNOWS_TRANSFERS ? 4 : 0, (file) => this.#writeOver(file, 'rsync')],
      [2, (file) => this.#replace(file)],
      [2, (file) => this.#empty(file)],
      [2, (file) => this.#cut(file)],
      [2, (file) => this.#remove(file)],
      [2, (file) => this.#rename(file)],
      [1, (file) => this.#moveRun(file.run)],
      [2, (file) => this.#flip(file)],
      [3, (file) => this.#fillGap(file)],
      [2, (file) => this.#zeros(file)],
      [2, (file) => this.#touch(file)],
      [2, (file) => this.#hide(file)],
      [KNOWS_TRANSFERS ? 2 : 0, (file) => this.#link(file)],
    ];
    this.#create();
  }

  get isAway(): boolean {
    return this.#isAway;
  }

  /** Does one thing, and says what. */
  act(): string {
    const done = this.#act();
    // What failed for a while is tried again by the clock.
    for (const file of this.files.values()) if (this.#world.isBelowFault(file.path)) file.wasFlipped = true;
    return done;
  }

  /** A directory can't be listed for a while. */
  failDirectory(): string {
    const runs = [...this.files.values()].flatMap(({ isThere, run }) => (isThere && run !== '.' ? [run] : []));
    if (runs.length === 0) return 'nothing';
    const said = this.#world.failDirectory(this.#one(this.#one(runs).split('/')));
    for (const file of this.files.values()) if (this.#world.isBelowFault(file.path)) file.wasFlipped = true;
    return said;
  }

  #act(): string {
    const there = [...this.files.values()].filter(({ isThere }) => isThere);
    const pending = there.filter(({ writing }) => writing !== undefined);
    if (pending.length > 0 && this.#random() < 0.5) return this.#goOn(this.#one(pending));
    if (there.length === 0 || this.#random() < 0.08) return this.#create();
    const file = this.#one(there);
    if (file.writing !== undefined) return this.#goOn(file);
    if (file.isHidden) return this.#hide(file) ?? 'nothing';
    let at = this.#random() * this.#works.reduce((sum, [weight]) => sum + weight, 0);
    for (const [weight, work] of this.#works) {
      at -= weight;
      if (at < 0) return work(file) ?? 'nothing';
    }
    return 'nothing';
  }

  /** The share is gone: nothing is there any more, or a directory that is empty. */
  unmount(): string {
    this.#isAway = true;
    renameSync(this.root, `${this.root}.away`);
    const isEmpty = this.#random() < 0.5;
    if (isEmpty) mkdirSync(this.root);
    return isEmpty ? 'unmount, an empty directory stays' : 'unmount';
  }

  mount(): string {
    rmSync(this.root, { recursive: true, force: true });
    renameSync(`${this.root}.away`, this.root);
    this.#isAway = false;
    return 'mount';
  }

  /** All that was begun is ended, everything is valid, and each file has something new at its end. */
  finish(): void {
    this.#world.healDirectory();
    for (const file of this.files.values()) {
      if (!file.isThere) continue;
      if (file.isHidden) this.#hide(file);
      while (file.writing !== undefined) this.#goOn(file);
      this.#fillGap(file, true);
      this.#append(file);
    }
  }

  appendToAll(): void {
    for (const file of this.files.values()) if (file.isThere) this.#append(file);
  }

  // --- one file ---

  #create(): string {
    const run = this.#one(['.', 'a', 'a/b', 'c']);
    const gone = [...this.files.values()].filter((file) => !file.isThere && file.alias === undefined && !this.#isHidden(file.name));
    // Sometimes under a name that was there before.
    const file =
      gone.length > 0 && this.#random() < 0.3
        ? this.#one(gone)
        : new ActorFile(run, `events.out.tfevents.1${String(this.#make.next).padStart(5, '0')}.host`);
    if (gone.includes(file)) file.isCut = true;
    this.files.set(file.path, file);
    Object.assign(file, {
      isThere: true,
      isLeft: false,
      records: this.#content(),
      torn: undefined,
      writing: undefined,
      wasFlipped: file.wasFlipped,
    });
    file.flips.clear();
    this.#write(file);
    return `create ${file.path}`;
  }

  /** Another file in a run, perhaps under the name of one that went elsewhere. */
  createIn(run: string, like?: string): void {
    const file = new ActorFile(run, like === undefined || this.#isHidden(like) ? this.nextName('host') : like);
    this.files.set(file.path, file);
    file.records = this.#content();
    this.#write(file);
  }

  /** One that no file or run has. */
  nextName(end: string): string {
    const serial = String(this.#make.next).padStart(5, '0');
    return end === 'place' ? `place-${serial}` : `events.out.tfevents.1${serial}.${end}`;
  }

  record(): ActorRecord {
    return this.#make.record();
  }

  #append(file: ActorFile): string {
    const from = file.end + (file.torn?.written ?? 0);
    const before = file.records.length;
    if (file.torn !== undefined) file.records.push(file.torn.record);
    for (let i = 0; i <= this.#random() * 4; i++) file.records.push(this.#make.record());
    const tornBytes = file.torn?.written ?? 0;
    file.torn = undefined;
    const start = file.records.slice(0, before).reduce((sum, { bytes }) => sum + bytes.length, 0);
    this.#pwrite(file, file.bytes.subarray(start + tornBytes), from);
    file.isCut = false;
    return `append ${file.path}`;
  }

  #tear(file: ActorFile): string | undefined {
    file.torn ??= { record: this.#make.record(), written: 0 };
    const { record, written } = file.torn;
    const more = Math.floor(this.#random() * (record.bytes.length - written));
    if (more === 0) return undefined;
    this.#pwrite(file, record.bytes.subarray(written, written + more), file.end + written);
    file.torn.written += more;
    return `tear ${file.path} at ${file.torn.written}`;
  }

  /** The same records and more, or other ones, written slowly. */
  #writeOver(file: ActorFile, how: Writing['how']): string | undefined {
    if (how === 'rsync' && file.alias !== undefined) return undefined;
    const isSame = this.#random() < 0.6;
    const records = isSame ? [...file.records, this.#make.record(), this.#make.record()] : this.#content();
    const bytes = Buffer.concat(records.map((record) => record.bytes));
    const temporary = `${file.run === '.' ? '' : `${file.run}/`}.${file.name}.${this.#letters(6)}`;
    file.writing = { how, records, bytes, written: 0, path: how === 'rsync' ? temporary : file.path };
    // What was flipped or torn is gone with what it stood in.
    if (how === 'cp') this.#clear(file, []);
    file.touched(records);
    return `${how} over ${file.path}, ${isSame ? 'the same and more' : 'other bytes'}`;
  }

  #goOn(file: ActorFile): string {
    const { writing } = file;
    if (writing === undefined) return 'nothing';
    const { how, bytes, written, records, path } = writing;
    const end = Math.min(bytes.length, written + 1 + Math.floor(this.#random() * bytes.length));
    const fd = openSync(this.absolute(path), written === 0 && how !== 'scp' ? 'w' : 'r+');
    writeSync(fd, bytes, written, end - written, written);
    writing.written = end;
    if (end === bytes.length) {
      ftruncateSync(fd, end);
      if (how === 'rsync') renameSync(this.absolute(path), this.absolute(file.path));
      file.writing = undefined;
      this.#clear(file, records);
    }
    closeSync(fd);
    return `${how} continues ${file.path}: ${end} of ${bytes.length}`;
  }

  #replace(file: ActorFile): string | undefined {
    if (file.alias !== undefined) return undefined;
    this.#clear(file, this.#content());
    const staged = join(this.#staging, 'new');
    writeFileSync(staged, file.bytes);
    renameSync(staged, this.absolute(file.path));
    return `replace ${file.path}`;
  }

  #empty(file: ActorFile): string {
    this.#clear(file, []);
    truncateSync(this.absolute(file.path), 0);
    return `empty ${file.path}`;
  }

  #cut(file: ActorFile): string {
    const at = Math.floor(this.#random() * file.end);
    const records: ActorRecord[] = [];
    let kept = 0;
    for (const record of file.records) {
      if (kept + record.bytes.length > at) break;
      records.push(record);
      kept += record.bytes.length;
    }
    const flips = [...file.flips].filter(([record]) => records.includes(record));
    this.#clear(file, records);
    for (const [record, place] of flips) file.flips.set(record, place);
    truncateSync(this.absolute(file.path), kept);
    return `cut ${file.path} to ${kept}`;
  }

  #remove(file: ActorFile): string | undefined {
    if (file.alias !== undefined) return undefined;
    rmSync(this.absolute(file.path));
    file.isThere = false;
    return `remove ${file.path}`;
  }

  #rename(file: ActorFile): string | undefined {
    if (file.alias !== undefined) return undefined;
    const run = this.#random() < 0.5 ? file.run : 'archive';
    const moved = new ActorFile(run, `events.out.tfevents.1${String(this.#make.next).padStart(5, '0')}.moved`);
    // If it was the last one of its run, the run is followed there, with what was mirrored of files that are gone.
    const gone = run === file.run ? [] : [...this.files.values()].filter((other) => !other.isThere && other.run === file.run);
    for (const other of gone) this.#goAlong(other, this.files.get(`${run}/${other.name}`) ?? new ActorFile(run, other.name));
    this.move(file, moved);
    mkdirSync(dirname(this.absolute(moved.path)), { recursive: true });
    renameSync(this.absolute(file.path), this.absolute(moved.path));
    return `rename ${file.path} to ${moved.path}`;
  }

  #moveRun(run: string): string | undefined {
    if (run === '.') return undefined;
    const inside = [...this.files.values()].filter((file) => file.isThere && (file.run === run || file.run.startsWith(`${run}/`)));
    if (inside.some(({ alias, writing, isHidden }) => alias !== undefined || writing !== undefined || isHidden)) return undefined;
    const to = `moved-${this.#make.next}`;
    const gone = [...this.files.values()].filter((file) => !file.isThere && (file.run === run || file.run.startsWith(`${run}/`)));
    for (const file of gone) this.#goAlong(file, new ActorFile(`${to}${file.run.slice(run.length)}`, file.name));
    for (const file of inside) this.move(file, new ActorFile(`${to}${file.run.slice(run.length)}`, file.name));
    renameSync(this.absolute(run), this.absolute(to));
    return `move the run ${run} to ${to}`;
  }

  /** What was mirrored under the former path may stay, or follow. */
  move(file: ActorFile, to: ActorFile): void {
    Object.assign(to, { records: [...file.records], torn: file.torn, wasFlipped: file.wasFlipped, isCut: true });
    for (const [record, at] of file.flips) to.flips.set(record, at);
    to.touched();
    letGoAlong(file, to);
    Object.assign(file, { isThere: false, isDirty: true, torn: undefined });
    file.flips.clear();
    this.files.set(to.path, to);
  }

  /** What was mirrored of a file that is gone goes along where its run is followed. */
  #goAlong(file: ActorFile, to: ActorFile): void {
    letGoAlong(file, to);
    Object.assign(file, { isDirty: true, seen: new Set() });
    if (this.files.has(to.path)) return;
    Object.assign(to, { isThere: false, isDirty: true });
    this.files.set(to.path, to);
  }

  #flip(file: ActorFile): string | undefined {
    const record = this.#one(file.records);
    if (record === undefined || file.flips.has(record)) return undefined;
    file.flips.set(record, Math.floor(this.#random() * record.bytes.length));
    file.wasFlipped = true;
    this.#pwrite(file, file.bytes, 0);
    return `flip a byte of ${file.path}`;
  }

  #fillGap(file: ActorFile, all = false): string | undefined {
    if (file.flips.size === 0) return undefined;
    if (all) file.flips.clear();
    else file.flips.delete(this.#one([...file.flips.keys()]));
    this.#pwrite(file, file.bytes, 0);
    return `heal ${file.path}`;
  }

  /** Room that a file system has made ahead. */
  #zeros(file: ActorFile): string {
    truncateSync(this.absolute(file.path), file.bytes.length + Math.floor(this.#random() * 5000));
    file.isDirty = true;
    return `zeros behind ${file.path}`;
  }

  #touch(file: ActorFile): string {
    const time = this.#one([0, 1_000_000_000, Date.now() / 1000 - 7200, Date.now() / 1000 + 86_400]);
    utimesSync(this.absolute(file.path), time, time);
    return `touch ${file.path}: ${time}`;
  }

  /** It can't be read for a while: nobody may (which says nothing to root), or its server fails. */
  #hide(file: ActorFile): string | undefined {
    if (file.isHidden) {
      this.#world.heal(file.name);
      chmodSync(this.absolute(file.path), 0o644);
      file.isHidden = false;
      return `show ${file.path}`;
    }
    // Under its other name it would be read nevertheless.
    if (file.alias !== undefined) return undefined;
    // A file server that fails knows files by their names alone.
    if ([...this.files.values()].some((other) => other !== file && other.isThere && other.name === file.name)) return undefined;
    file.isHidden = true;
    file.wasFlipped = true;
    if (this.#random() < 0.7) return this.#world.failFile(file.name);
    chmodSync(this.absolute(file.path), 0);
    return `hide ${file.path}`;
  }

  #isHidden(name: string): boolean {
    return [...this.files.values()].some((file) => file.isHidden && file.name === name);
  }

  #link(file: ActorFile): string | undefined {
    if (file.alias !== undefined || file.isDirty) return undefined;
    file.alias = `${file.path}.linked`;
    if (this.#random() < 0.5) linkSync(this.absolute(file.path), this.absolute(file.alias));
    else symlinkSync(file.name, this.absolute(file.alias));
    return `link ${file.alias}`;
  }

  // --- tools ---

  #clear(file: ActorFile, records: readonly ActorRecord[]): void {
    Object.assign(file, { records: [...records], torn: undefined, isCut: true });
    file.flips.clear();
    file.touched();
  }

  #write(file: ActorFile): void {
    const path = this.absolute(file.path);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, file.bytes);
    file.touched();
  }

  #pwrite(file: ActorFile, bytes: Uint8Array, at: number): void {
    const fd = openSync(this.absolute(file.path), 'r+');
    writeSync(fd, bytes, 0, bytes.length, at);
    closeSync(fd);
    file.touched();
  }

  #content(): ActorRecord[] {
    return this.#make.content(Math.floor(this.#random() * 6), this.#random() < 0.5);
  }

  absolute(path: string): string {
    return join(this.#isAway ? `${this.root}.away` : this.root, path);
  }

  #one<T>(list: readonly T[]): T {
    return list[Math.floor(this.#random() * list.length)] as T;
  }

  #letters(count: number): string {
    return Array.from({ length: count }, () => this.#one([...'abcdefXYZ0189'])).join('');
  }
}

/** What stood in a file once may stay mirrored, and follows it where it is longer than what stands there now. */
function letGoAlong(file: ActorFile, to: ActorFile): void {
  for (const text of file.ever) to.ever.add(text.replace(` ${file.run} ${file.name} `, ` ${to.run} ${to.name} `));
}
