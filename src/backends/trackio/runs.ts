/**
 * Finds and makes runs. Trackio keeps no facts about a run besides its config, which every writer replaces as a
 * whole. So whose run it is stands in the ids of rows without metrics: rows are only added, their ids are unique in a
 * project, and the server puts them in an order. The first row that makes a run wins.
 */
import { FileMarks, numberedName, warnNameTaken } from '../../backend-kit/identity/index.ts';
import type { BackendContext, FileMark, Handle, ReadBackChunk, RunSource } from '../../contract/index.ts';
import { MirrorError } from '../../errors.ts';
import { type Client, sqlText } from './client.ts';
import { type Config, mergeConfig, readConfig } from './config.ts';
import { factPrefix, handleOf, idsBelow, madeRun, readHandle, type TrackioRun } from './handle.ts';
import { storedProject } from './projects.ts';
import { isoDate, rowText } from './row-text.ts';

/** What is known about the attempts of one key. */
interface Found {
  readonly name: string;
  readonly instanceId: string | undefined;
  readonly marks: FileMarks;
  /** The number of facts, so that the id of the next one is new. */
  readonly count: number;
  /** The id of the row that made it. */
  readonly maker: string | undefined;
}

/** Returns the error for a run that is not there any more. */
export function gone({ run, project }: TrackioRun): MirrorError {
  return new MirrorError('MB4006', `the Trackio run ${run} of the project ${project} no longer exists`, {
    hint: 'It was deleted or renamed in Trackio: mirrorboard mirrors it again, as a new run, when it opens the run again.',
    context: { run, project },
  });
}

/** The runs of one server. */
export class TrackioRuns {
  readonly #client: Client;
  readonly #project: string | undefined;
  readonly #context: BackendContext;
  readonly #readBack: (run: TrackioRun, signal: AbortSignal) => AsyncIterable<ReadBackChunk>;

  constructor(
    client: Client,
    project: string | undefined,
    context: BackendContext,
    readBack: (run: TrackioRun, signal: AbortSignal) => AsyncIterable<ReadBackChunk>,
  ) {
    this.#client = client;
    this.#project = project;
    this.#context = context;
    this.#readBack = readBack;
  }

  async open(source: RunSource, known: Handle | undefined, signal: AbortSignal): Promise<Handle> {
    const project = this.#project ?? storedProject(source.group);
    if (source.joins !== undefined) return this.#join(madeRun(project, source, 0), signal);
    const last = known === undefined ? undefined : readHandle(known);
    if (last !== undefined && known !== undefined) {
      const there = (await this.#found(last.project, last.base, signal)).get(last.attempt);
      if (there !== undefined) {
        await this.#note(last, there, source.fingerprint, signal, source.instanceId);
        return known;
      }
    }
    const { base } = madeRun(project, source, 0);
    for (let attempt = (last?.attempt ?? 0) + 1; ; attempt++) {
      const found = await this.#found(project, base, signal);
      let why: string | undefined;
      for (const [number, there] of found) {
        const run = madeRun(project, source, number);
        const readBack = (stop: AbortSignal): AsyncIterable<ReadBackChunk> => this.#readBack(run, stop);
        const fingerprint = there.marks.list();
        const whose = await this.#context.whoseRun({ instanceId: there.instanceId, fingerprint, readBack }, source, signal);
        if (whose.kind === 'own') {
          await this.#note(run, there, source.fingerprint, signal, source.instanceId);
          // The process that made it may have stopped before that.
          const config = await readConfig(this.#client, run, signal);
          if (factsOf(config)['run'] === undefined) await this.#writeFacts(run, there.name, source, signal);
          return handleOf(run);
        }
        why = whose.why;
      }
      for (const number of found.keys()) attempt = Math.max(attempt, number + 1);
      const run = madeRun(project, source, attempt);
      // Rows of a renamed run have lost their ids, and kept the run's.
      if (await this.#hasRows(run, signal)) continue;
      const name = nameOf(source, found.size);
      if (!(await this.#make(run, name, source, signal))) continue; // another process was faster: it may have made this run
      if (found.size > 0) warnNameTaken(this.#context.warn, source, name, why);
      return handleOf(run);
    }
  }

  async noteFiles(run: TrackioRun, files: readonly FileMark[], signal: AbortSignal): Promise<void> {
    if (run.isJoined) return;
    const there = (await this.#found(run.project, run.base, signal)).get(run.attempt);
    if (there === undefined) throw gone(run);
    await this.#note(run, there, files, signal);
  }

  async #join(run: TrackioRun, signal: AbortSignal): Promise<Handle> {
    if (await this.#hasRows(run, signal)) return handleOf(run);
    throw new MirrorError('MB4006', `the project ${run.project} of Trackio has no run with the id ${run.run}`, {
      hint: 'The id of a run is in the address of its page, as selected_run_id.',
    });
  }

  async #hasRows({ project, run }: TrackioRun, signal: AbortSignal): Promise<boolean> {
    return (await this.#client.query(project, `select '1' as one from metrics where run_id = ${sqlText(run)} limit 1`, signal)).length > 0;
  }

  /** Makes a run. Returns false if another process made it first. */
  async #make(run: TrackioRun, name: string, source: RunSource, signal: AbortSignal): Promise<boolean> {
    const { instanceId, fingerprint } = source;
    const id = `${factPrefix(run.base, run.attempt)}made/${factText(instanceId, fingerprint)}`;
    await this.#client.log([rowText(run, name, { id })], signal);
    const there = (await this.#found(run.project, run.base, signal)).get(run.attempt);
    if (there === undefined) throw notStored(run);
    if (there.maker !== id) return false;
    await this.#writeFacts(run, name, source, signal);
    return true;
  }

  /** Writes where a run comes from into its config. */
  async #writeFacts(run: TrackioRun, name: string, { run: of, startedAt, tags }: RunSource, signal: AbortSignal): Promise<void> {
    const date = isoDate(startedAt);
    const facts = { run: `${of.root}/${of.path}`, status: 'running', ...(Object.keys(tags).length > 0 ? { tags } : {}) };
    await mergeConfig(this.#client, run, name, signal, (config) => ({
      ...config,
      ...(date === undefined ? {} : { _Created: date }),
      mirrorboard: { ...facts, ...factsOf(config) },
    }));
  }

  /** Adds files to those that identify a run, and the state that it belongs to. */
  async #note(run: TrackioRun, there: Found, files: readonly FileMark[], signal: AbortSignal, instanceId?: string): Promise<void> {
    const added = files.filter((mark) => !there.marks.has(mark));
    if (added.length === 0 && (instanceId === undefined || instanceId === there.instanceId)) return;
    const id = `${factPrefix(run.base, run.attempt)}note/${there.count}/${factText(instanceId, added)}`;
    await this.#client.log([rowText(run, there.name, { id })], signal);
    const now = (await this.#found(run.project, run.base, signal)).get(run.attempt);
    if (now === undefined || !added.every((mark) => now.marks.has(mark))) throw notStored(run);
  }

  /** Returns the runs of a key by the number of their attempt. */
  async #found(project: string, base: string, signal: AbortSignal): Promise<ReadonlyMap<number, Found>> {
    const query = `select log_id as id, run_name as name from metrics where ${idsBelow(factPrefix(base))} order by metrics.id limit 5000`;
    const found = new Map<number, Found>();
    for (const { id, name } of await this.#client.query(project, query, signal)) {
      const [, number, kind, text] = /^mirrorboard\/[0-9a-f]+\/(\d+)\/(made|note\/\d+)\/(.*)$/s.exec(String(id)) ?? [];
      const there = found.get(Number(number));
      // Of several processes that made one run at the same time, the first did.
      if (text === undefined || (kind === 'made') !== (there === undefined)) continue;
      const { instance, files } = factIn(text);
      found.set(Number(number), {
        name: String(name),
        instanceId: instance ?? there?.instanceId,
        marks: (there?.marks ?? FileMarks.of([])).with(files.list()),
        count: (there?.count ?? 0) + 1,
        maker: there?.maker ?? String(id),
      });
    }
    return found;
  }
}

function factsOf({ mirrorboard }: Config): Config {
  return typeof mirrorboard === 'object' && mirrorboard !== null && !Array.isArray(mirrorboard) ? (mirrorboard as Config) : {};
}

function factText(instance: string | undefined, files: readonly FileMark[]): string {
  return JSON.stringify({ instance, files: FileMarks.of(files).pairs() });
}

function factIn(text: string): { readonly instance: string | undefined; readonly files: FileMarks } {
  try {
    const { instance, files } = JSON.parse(text) as Readonly<Record<string, unknown>>;
    return { instance: typeof instance === 'string' ? instance : undefined, files: FileMarks.fromPairs(files) };
  } catch {
    return { instance: undefined, files: FileMarks.fromPairs([]) };
  }
}

/** Returns the name that Trackio shows. It drops rows of a run without a name, and SQLite ends texts at a zero. */
function nameOf({ name, key }: RunSource, others: number): string {
  return numberedName(name.replaceAll('\0', '\ufffd').toWellFormed() || key, others);
}

function notStored({ run, project }: TrackioRun): MirrorError {
  return new MirrorError('MB4005', `the project ${project} of Trackio took a row of the run ${run}, and does not have it`, {
    retry: 'later',
    hint: 'Trackio drops rows while another program locks its database. See the log of the server.',
  });
}
