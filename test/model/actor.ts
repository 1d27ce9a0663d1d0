// A watch as users run it, beside an actor that works on its log tree at random: killed, ended and started again, its
// root taken away and back, errors from its file server, a clock that is set.
import { appendFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openForReading } from '../../src/backends/local/client.ts';
import { StoreReader } from '../../src/backends/local/reader.ts';
import { seededRandom } from '../crash/backfill-kill.ts';
import { eventually } from '../crash/watch-kill.ts';
import { mirrorboard, mustRun, type Running, start } from '../e2e/command.ts';
import * as w from '../support/event-writer.ts';
import type { ActorFile } from './actor-files.ts';
import { doInOrder } from './actor-orders.ts';
import { ActorTree } from './actor-tree.ts';
import { FaultyWorld } from './faulty-world.ts';
import { placeOf, pointText } from './watched-tree.ts';

export interface ActorPlan {
  /** Where everything lies; the caller removes it. */
  readonly folder: string;
  readonly seed: number;
  /** Things the actor does. */
  readonly actions: number;
  readonly say?: (line: string) => void;
}

/** Of each path below the root, the points that the views of the store show, by tag. */
type Shown = Map<string, Map<string, string[]>>;

const BELL = 'bell/events.out.tfevents.0';

/** Throws where the store does not hold what the tree does in the end, or holds on the way what never was there. */
export async function actBesideWatch(plan: ActorPlan): Promise<void> {
  const scene = new Scene(plan);
  await scene.play(plan.actions);
}

class Scene {
  readonly #folder: string;
  readonly #logs: string;
  readonly #store: string;
  readonly #random: () => number;
  readonly #say: (line: string) => void;
  readonly #world: FaultyWorld;
  readonly #tree: ActorTree;
  #watch: Running;
  #rung = 0;

  constructor({ folder, seed, say = () => undefined }: ActorPlan) {
    this.#folder = folder;
    this.#logs = join(folder, 'logs');
    this.#store = join(folder, 'mirrorboard.db');
    this.#random = seededRandom(seed);
    this.#say = say;
    this.#world = new FaultyWorld(join(folder, 'world.json'), this.#random);
    this.#tree = new ActorTree(this.#logs, this.#world, this.#random);
    mkdirSync(join(this.#logs, 'bell'));
    this.#watch = this.#start();
  }

  async play(actions: number): Promise<void> {
    for (let i = 0; i < actions; i++) {
      this.#say(this.#tree.act());
      const lot = this.#random();
      if (this.#tree.isAway) {
        if (lot < 0.2) this.#say(this.#tree.mount());
      } else if (lot < 0.02) this.#say(this.#tree.unmount());
      else if (lot < 0.05) await this.#restart(lot < 0.035 ? 'SIGKILL' : 'SIGTERM');
      else if (lot < 0.06) this.#say(this.#tree.failDirectory());
      else if (lot < 0.09) this.#world.healDirectory();
      else if (lot < 0.11) this.#say(this.#world.setClock());
      else if (lot < 0.15) await this.#check('meanwhile');
      else if (lot < 0.2) await this.#doInOrder();
      else if (lot < 0.5) await this.#ring();
    }
    if (this.#tree.isAway) this.#say(this.#tree.mount());
    this.#tree.finish();
    await this.#check('in the end');
    await this.#end('SIGTERM');
    // What could not be read for a while is tried again where its file has changed.
    this.#tree.appendToAll();
    await this.#backfill();
    this.#compare(true);
    await mustRun(['verify'], { cwd: this.#folder });
  }

  /** What was mirrored goes where its files went, however much of it was there at the last look. */
  async #doInOrder(): Promise<void> {
    await this.#check('before an order');
    const pause = async (): Promise<void> => {
      if (this.#random() < 0.6) await this.#ring();
    };
    this.#say((await doInOrder(this.#tree, this.#random, pause)) ?? 'nothing');
    await this.#check('after an order');
  }

  async #backfill(): Promise<void> {
    const { code, signal, stdout, stderr } = await mirrorboard(['backfill', this.#logs, '--json'], { cwd: this.#folder });
    if (code !== 0 && code !== 1) throw new Error(`the last backfill ended with ${code ?? signal}: ${stderr}`);
    // mirrorboard reports what deleted files had; nobody can repair it any more.
    const { damage } = JSON.parse(stdout) as { damage: readonly { run: string; file: string; pending: boolean }[] };
    const damaged = damage.filter(({ run, file, pending }) => !pending && this.#tree.files.get(pathOf(run, file))?.isThere !== false);
    if (damaged.length > 0) throw new Error(`damage that was healed is there: ${JSON.stringify(damaged)}`);
  }

  #start(): Running {
    return start(['watch', this.#logs, '--scan-interval', '0.5'], { cwd: this.#folder, env: this.#world.env, timeoutMs: 3_600_000 });
  }

  async #restart(signal: NodeJS.Signals): Promise<void> {
    this.#say(`${signal}, and another watch`);
    await this.#end(signal);
    this.#watch = this.#start();
  }

  async #end(signal: 'SIGKILL' | NodeJS.Signals): Promise<void> {
    // Before it has begun it can't be asked to end.
    if (signal === 'SIGTERM') await this.#watch.said(/root scanned/);
    this.#watch.child.kill(signal);
    const ended = await this.#watch.ended;
    if (signal === 'SIGTERM' ? ended.code !== 0 : ended.signal !== signal)
      throw new Error(`a watch ended with ${ended.code ?? ended.signal}: ${ended.stderr}`);
  }

  /** Waits until the watch has come by: something that was written behind all else is in the store. */
  async #ring(): Promise<void> {
    const path = join(this.#logs, BELL);
    const record = w.event({ wallTime: 1, step: this.#rung, summary: [w.simpleValue('bell', this.#rung)] });
    if (this.#rung++ === 0) writeFileSync(path, w.eventFile(record));
    else appendFileSync(path, w.frame(record));
    await eventually(() => {
      const heard = this.#shown().get(BELL)?.get('bell')?.length ?? 0;
      if (heard < this.#rung) throw new Error(`the watch has heard ${heard} of ${this.#rung}\n${this.#lastWords()}`);
    });
  }

  async #check(when: string): Promise<void> {
    this.#say(`check ${when}`);
    await eventually(() => this.#compare(false));
  }

  /** Throws at the first difference; notes what was seen. `isLast`: nothing is excused any more. */
  #compare(isLast: boolean): void {
    const shown = this.#shown();
    shown.delete(BELL);
    for (const [path, tags] of shown) {
      const file = this.#tree.files.get(path);
      const seen = new Set<string>();
      for (const [tag, texts] of tags) {
        for (const text of texts) {
          if (file?.ever.has(`${tag} ${text}`) !== true) throw new Error(`${tag}: made up: ${path}: ${text}`);
          if (seen.has(`${tag} ${text}`)) throw new Error(`${tag}: twice: ${path}: ${text}`);
          seen.add(`${tag} ${text}`);
        }
      }
    }
    const there = [...this.#tree.files.values()];
    for (const file of there) compareFile(file, shown.get(file.path) ?? new Map(), isLast);
    for (const file of there) {
      if (!file.isThere || file.writing !== undefined || file.isHidden || file.wasFlipped) continue;
      file.isDirty = false;
      file.seen = new Set(file.points().map(({ tag, text }) => `${tag} ${text}`));
    }
  }

  #shown(): Shown {
    const shown: Shown = new Map();
    if (!existsSync(this.#store)) return shown;
    const reader = new StoreReader(openForReading(this.#store), this.#store);
    try {
      reader.hold();
      for (const { row, run } of reader.runs('logs')) {
        for (const { row: series, tag } of reader.series(row)) {
          for (const { file = '', offset = 0, index = 0, step, wallTime, value } of reader.points(series)) {
            const path = pathOf(run.path, file);
            const tags = shown.get(path) ?? new Map<string, string[]>();
            shown.set(path, tags);
            const point = { step: Number(step), wallTime, value: typeof value === 'string' ? undefined : Number(value) };
            const texts = tags.get(tag) ?? [];
            tags.set(tag, texts);
            texts.push(pointText(placeOf(run.path, file, offset, index), point));
          }
        }
      }
    } finally {
      reader.close();
    }
    return shown;
  }

  #lastWords(): string {
    const { exitCode, signalCode } = this.#watch.child;
    return exitCode === null && signalCode === null ? 'it runs' : `it ended with ${exitCode ?? signalCode}`;
  }
}

function pathOf(run: string, file: string): string {
  return run === '.' ? file : `${run}/${file}`;
}

function compareFile(file: ActorFile, tags: ReadonlyMap<string, readonly string[]>, isLast: boolean): void {
  const held = new Set([...tags].flatMap(([tag, texts]) => texts.map((text) => `${tag} ${text}`)));
  const missing = (wanted: Iterable<string>): void => {
    for (const text of wanted) if (!held.has(text)) throw new Error(`missing: ${file.path}: ${text}`);
  };
  if (!file.isThere) {
    if (file.isLeft && held.size > 0) throw new Error(`left behind: ${file.path}: ${[...held][0]} and ${held.size - 1} more`);
    if (!file.isDirty) missing(file.seen);
    return;
  }
  if (file.writing !== undefined || file.isHidden || (file.wasFlipped && !isLast)) return;
  const wanted = Map.groupBy(file.points(), ({ tag }) => tag);
  missing(file.points().map(({ tag, text }) => `${tag} ${text}`));
  if (file.isCut) return;
  for (const [tag, texts] of tags) {
    const due = wanted.get(tag)?.map(({ text }) => text) ?? [];
    const at = texts.findIndex((text, i) => text !== due[i]);
    if (at >= 0) throw new Error(`${file.path} ${tag}, point ${at} of ${due.length}: wanted ${due[at]}, got ${texts[at]}`);
  }
}
