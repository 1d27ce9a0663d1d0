// The tracker behind the journalled backend: a file of lines for each tracker run, addressed by line.
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RunEnd, RunSource } from '../../../src/contract/index.ts';
import { type Fault, FaultQueue, untilAborted } from '../../../src/testing/fault.ts';

/** Why the server did not answer, or not as hoped. */
export class JournalServerError extends Error {
  override readonly name = 'JournalServerError';
  readonly kind: 'lost' | 'later' | 'denied' | 'noRun' | 'wrongOffset' | 'conflict';
  readonly afterSec: number | undefined;

  constructor(kind: JournalServerError['kind'], message: string, afterSec?: number) {
    super(message);
    this.kind = kind;
    this.afterSec = afterSec;
  }
}

export interface JournalRun {
  readonly id: string;
  readonly key: string;
  readonly instanceId: string;
  readonly fingerprint: RunSource['fingerprint'];
  readonly end?: RunEnd;
}

export class JournalServer {
  readonly #folder: string;
  readonly faults = new FaultQueue();
  /** Stores so many more lines, then is dead until `restart`. */
  #linesToLive = Infinity;
  appends = 0;

  constructor(folder: string) {
    this.#folder = folder;
    mkdirSync(folder, { recursive: true });
  }

  dieAfter(lines: number): void {
    this.#linesToLive = lines;
  }

  restart(): void {
    this.#linesToLive = Infinity;
    this.faults.clear();
  }

  runs(): JournalRun[] {
    this.#beAlive();
    const names = readdirSync(this.#folder).filter((name) => name.endsWith('.json'));
    return names.sort().map((name) => JSON.parse(readFileSync(join(this.#folder, name), 'utf8')) as JournalRun);
  }

  keepRun(run: JournalRun): void {
    this.#beAlive();
    writeFileSync(this.#path(run.id, 'json'), JSON.stringify(run));
    appendFileSync(this.#path(run.id, 'lines'), '');
  }

  removeRun(id: string): void {
    rmSync(this.#path(id, 'json'), { force: true });
    rmSync(this.#path(id, 'lines'), { force: true });
  }

  /** All lines of a tracker run; undefined where there is no such run. */
  lines(id: string): string[] | undefined {
    this.#beAlive();
    if (!existsSync(this.#path(id, 'lines'))) return undefined;
    return readFileSync(this.#path(id, 'lines'), 'utf8').split('\n').slice(0, -1);
  }

  /** Takes lines from a place on: exactly behind the last one, or over ones that are the same. */
  async append(id: string, firstLine: number, lines: readonly string[], signal: AbortSignal): Promise<void> {
    this.appends++;
    const fault = this.faults.next();
    this.#refuse(fault);
    const held = this.lines(id);
    if (held === undefined) throw new JournalServerError('noRun', `there is no run ${id}`);
    if (firstLine > held.length) {
      throw new JournalServerError('wrongOffset', `lines from ${firstLine} on were sent, and ${held.length} are there`);
    }
    const known = held.slice(firstLine, firstLine + lines.length);
    const other = known.findIndex((line, i) => line !== lines[i]);
    if (other >= 0) throw new JournalServerError('conflict', `line ${firstLine + other} is there already, and is another one`);
    const fresh = lines.slice(known.length);
    const taken = fault?.kind === 'partStored' ? fresh.slice(0, fresh.length >> 1) : fresh;
    const living = taken.slice(0, Math.min(taken.length, this.#linesToLive));
    if (fault?.kind !== 'hang') appendFileSync(this.#path(id, 'lines'), living.map((line) => `${line}\n`).join(''));
    if (fault?.kind === 'hang' || fault?.kind === 'hangStored') await untilAborted(signal);
    this.#linesToLive -= living.length;
    if (living.length < taken.length) this.#linesToLive = -1;
    if (living.length < taken.length || fault !== undefined) throw new JournalServerError('lost', 'the connection was lost');
  }

  #refuse(fault: Fault | undefined): void {
    if (fault?.kind === 'noAccess') throw new JournalServerError('denied', 'nobody is let in');
    if (fault?.kind === 'rateLimited' || fault?.kind === 'unavailable') throw new JournalServerError('later', 'not now', fault.afterSec);
    if (fault?.kind === 'connectionLost') throw new JournalServerError('lost', 'the connection was lost');
  }

  #beAlive(): void {
    if (this.#linesToLive < 0) throw new JournalServerError('lost', 'nobody answers');
  }

  #path(id: string, ending: 'json' | 'lines'): string {
    return join(this.#folder, `${id}.${ending}`);
  }
}
