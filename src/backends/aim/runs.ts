/** Finds and creates the Aim runs of runs: each exactly once, and never one that belongs to others. */
import { join } from 'node:path';
import { type Candidate, FileMarks, isWhoseRun, numberedName, type RunMark, warnNameTaken } from '../../backend-kit/identity/index.ts';
import { LineByKey } from '../../concurrency/index.ts';
import type { BackendContext, FileMark, Handle, ReadBackChunk, RunSource } from '../../contract/index.ts';
import { MirrorError } from '../../errors.ts';
import { runLabel } from '../../model/index.ts';
import type { AimClient } from './client.ts';
import { Frames } from './frames.ts';
import { type AimRun, handleOf, readHandle, runHash } from './handle.ts';
import type { OpenAimRun } from './open-run.ts';
import type { RunPool } from './run-pool.ts';
import type { AimSettings } from './settings.ts';
import { childOf, entriesOf, type Key, type Tree } from './tree.ts';

/** A param that every run of ours has. */
export const OWN = 'mirrorboard';
/** The most hashes to try, so that a server that claims that every hash is taken cannot keep us forever. */
const MOST_STRANGERS = 100;
/** The last second of the year 9999: the server's calendar ends there. */
const LAST_SECOND = 253_402_300_799;

/** A server's client, and the runs that are open there. */
export interface Server {
  readonly client: AimClient;
  readonly pool: RunPool;
}

/** Finds, creates and identifies the Aim runs of a lane. */
export class AimRuns {
  readonly #settings: Pick<AimSettings, 'experiment' | 'description' | 'context'>;
  readonly #warn: BackendContext['warn'];
  readonly #readBack: (run: AimRun, signal: AbortSignal) => AsyncIterable<ReadBackChunk>;
  /** Opens one run per key at a time: two callers would create two runs. */
  readonly #opening = new LineByKey();

  /** Creates the finder of runs. `readBack` returns all points of a run. */
  constructor(
    settings: Pick<AimSettings, 'experiment' | 'description' | 'context'>,
    warn: BackendContext['warn'],
    readBack: (run: AimRun, signal: AbortSignal) => AsyncIterable<ReadBackChunk>,
  ) {
    this.#settings = settings;
    this.#warn = warn;
    this.#readBack = readBack;
  }

  /** Returns the handle of a run. */
  async open(at: Server, source: RunSource, known: Handle | undefined, signal: AbortSignal): Promise<Handle> {
    return this.#opening.run(source.key, () => this.#open(at, source, known, signal));
  }

  async #open(at: Server, source: RunSource, known: Handle | undefined, signal: AbortSignal): Promise<Handle> {
    signal.throwIfAborted();
    const { client, pool } = at;
    const { context } = this.#settings;
    if (source.joins !== undefined) return this.#join(client, source.joins, source, known, signal);
    let attempt = 0;
    let why: string | undefined;
    if (known !== undefined) {
      const run = readHandle(known);
      if (await client.hasRun(run.hash, signal)) {
        const identity = await readIdentity(client, run.hash, signal);
        if (identity === undefined || isNews(identity, source)) await this.#write(at, run, source, identity, undefined, signal);
        return known;
      }
      this.#warn('the Aim run of a run no longer exists: creating a new one', { run: runLabel(source.run), hash: run.hash });
      attempt = run.attempt + 1;
    }
    const group = this.#groupOf(source);
    for (let strangers = 0; ; attempt++) {
      if (strangers > MOST_STRANGERS) {
        throw new MirrorError(
          'MB4006',
          `${client.address} has ${strangers} runs with the name of ${runLabel(source.run)} that belong to other files`,
          {
            hint: 'Name the root (NAME=PATH), or use another experiment.',
          },
        );
      }
      const run: AimRun = { hash: runHash(source.key, group, attempt), attempt, context, isJoined: false };
      const isThere = await client.hasRun(run.hash, signal);
      const identity = isThere ? await readIdentity(client, run.hash, signal) : undefined;
      const verdict = identity === undefined ? undefined : await isWhoseRun(this.#candidate(run, identity), source, signal);
      if (verdict?.kind === 'other') {
        why ??= verdict.why;
        strangers++;
        continue;
      }
      // A run without an identity was left behind by a process that died while creating it.
      if (identity === undefined) {
        const name = numberedName(source.name, strangers);
        await this.#write(at, run, source, undefined, name, signal);
        // A server keeps the files of a deleted run open, and would lose what is written to them.
        const written = await readIdentity(client, run.hash, signal);
        const whose = written === undefined ? undefined : await isWhoseRun(this.#candidate(run, written), source, signal);
        if (whose?.kind !== 'own') {
          await pool.release(run.hash, signal);
          if (written !== undefined) strangers++;
          why ??= whose?.why;
          continue;
        }
        if (strangers > 0) warnNameTaken(this.#warn, source, name, why);
      } else if (isNews(identity, source)) await this.#write(at, run, source, identity, undefined, signal);
      return handleOf(run);
    }
  }

  async #join(client: AimClient, hash: string, source: RunSource, known: Handle | undefined, signal: AbortSignal): Promise<Handle> {
    if (!(await client.hasRun(hash, signal))) {
      throw new MirrorError('MB4006', `there is no Aim run ${hash}, which ${runLabel(source.run)} is to be added to`, {
        hint: 'Give the hash of an existing run.',
        context: { hash },
      });
    }
    if (known !== undefined && readHandle(known).hash === hash) return known;
    return handleOf({ hash, attempt: 0, context: this.#settings.context, isJoined: true });
  }

  /** Adds files to those that identify a run. */
  async noteFiles({ client, pool }: Server, run: AimRun, marks: readonly FileMark[], signal: AbortSignal): Promise<void> {
    await pool.use(
      run,
      async ({ open }) => {
        const before = await readIdentity(client, run.hash, signal);
        if (before?.instance === undefined || marks.every((mark) => before.files.has(mark))) return;
        const frames = new Frames(client, 'noting the files of an Aim run', signal);
        const identity = identityOf(before.instance, before.files.with(marks));
        for (const path of open.attrPaths) await frames.update(open.meta, [...path, OWN], identity);
        await frames.flush();
      },
      signal,
    );
  }

  #candidate(run: AimRun, mark: RunMark): Candidate {
    return { mark, readBack: (signal) => this.#readBack(run, signal) };
  }

  #groupOf(source: RunSource): string {
    return this.#settings.experiment ?? (source.group === '' ? source.run.root : source.group);
  }

  /** Creates a run, or updates the identity of an existing one. `name`: of a new run. */
  async #write(
    { client, pool }: Server,
    run: AimRun,
    source: RunSource,
    before: RunMark | undefined,
    name: string | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const write = async (open: OpenAimRun): Promise<void> => {
      const frames = new Frames(client, `opening the Aim run of ${runLabel(source.run)}`, signal);
      if (name !== undefined) await this.#writeFacts(client, open, run, source, name, frames, signal);
      await frames.flush();
      const identity = identityOf(source.instanceId, (before?.files ?? FileMarks.of([])).with(source.fingerprint));
      // The identity is written last: a run that has it is complete.
      for (const path of open.attrPaths) await frames.update(open.meta, [...path, OWN], identity);
      await frames.flush();
    };
    // The run stays open: its caller uses it next.
    await pool.use(run, ({ open }) => write(open), signal, createdAt(source.startedAt));
  }

  async #writeFacts(
    client: AimClient,
    open: OpenAimRun,
    run: AimRun,
    source: RunSource,
    name: string,
    frames: Frames,
    signal: AbortSignal,
  ): Promise<void> {
    const { meta, props } = open;
    const { root, path } = source.run;
    const facts: readonly (readonly [Key, Tree])[] = [
      ['schema', 1n],
      ['root', root],
      ['path', path],
      ['source', path === '.' ? source.rootPath : join(source.rootPath, path)],
      ['key', source.key],
      ['status', 'running'],
      ...(source.parent === undefined ? [] : [['parent', { key: source.parent.key, name: source.parent.name }] as const]),
    ];
    // Each field is set on its own: another process that creates the same run at the same moment may have added its
    // identity.
    for (const attrPath of open.attrPaths) await frames.update(meta, [...attrPath, OWN], facts);
    await frames.add(meta, '__setitem__', [['meta', 'chunks', run.hash, 'end_time'], null]);
    if (props === undefined) return;
    const group = this.#groupOf(source);
    if (group !== '') await frames.add(props, 'experiment.setter', [group]);
    await frames.add(props, 'name.setter', [name]);
    if (this.#settings.description !== undefined) await frames.add(props, 'description.setter', [this.#settings.description]);
    await frames.flush();
    for (const [tag, value] of Object.entries(source.tags)) {
      await client.call(props, 'add_tag', [tagText(tag, value)], signal);
    }
  }
}

/** Returns the text of a tag: tags are texts in Aim. */
export function tagText(tag: string, value: string): string {
  return value === '' ? tag : `${tag}: ${value}`;
}

/** Reads the identity of a run; undefined if it has none (yet), or if the run does not exist. */
async function readIdentity(client: AimClient, hash: string, signal: AbortSignal): Promise<RunMark | undefined> {
  const meta = await client.snapshot('meta', hash, signal);
  try {
    const own = await client.branch(meta, ['meta', 'chunks', hash, 'attrs', OWN], signal);
    const instance = childOf(own, 'instance');
    if (typeof instance !== 'string') return undefined;
    const files = entriesOf(childOf(own, 'fingerprint')).flatMap(([file, checksum]) =>
      typeof checksum === 'bigint' ? [[String(file), Number(checksum)] as const] : [],
    );
    return { instance, files: FileMarks.fromPairs(files) };
  } finally {
    await client.release(meta, signal).catch(() => undefined);
  }
}

/** Returns the identity fields of a run. */
function identityOf(instance: string, files: FileMarks): readonly (readonly [Key, Tree])[] {
  const marks = files.list().filter(({ file }) => file !== '');
  return [
    ['instance', instance],
    ['fingerprint', new Map<Key, Tree>(marks.map(({ file, checksum }) => [file, BigInt(checksum)]))],
  ];
}

/** True if the identity changes: the run has other files, or its state was lost and created again. */
function isNews({ instance, files }: RunMark, source: RunSource): boolean {
  return instance !== source.instanceId || source.fingerprint.some((mark) => !files.has(mark));
}

/** Returns a time that the server's calendar has; if undefined, the server takes its own. */
export function createdAt(seconds: number | undefined): number | undefined {
  return seconds !== undefined && seconds >= 0 && seconds <= LAST_SECOND ? seconds : undefined;
}
