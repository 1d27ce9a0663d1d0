/** The Trackio backend: a row for each point, over HTTP or through the server's inbox, read back before it counts. */

import { chunksOf } from '../../backend-kit/exact-points/index.ts';
import { sendByRun } from '../../backend-kit/sending/index.ts';
import { systemClock } from '../../clock.ts';
import type {
  ArtifactDifference,
  Backend,
  BackendContext,
  BackendType,
  Call,
  Handle,
  ReadBackChunk,
  ReadBackOptions,
  ReadBackPoint,
} from '../../contract/index.ts';
import { MirrorError } from '../../errors.ts';
import { sha256Of } from '../../model/index.ts';
import { systemRandom } from '../../random.ts';
import { Client, type SqlRow, sqlText } from './client.ts';
import { configText, mergeConfig, paramKey, paramValue, readConfig } from './config.ts';
import { compareFiles, storeBlob, storeFile } from './files.ts';
import { foreignIn } from './foreign.ts';
import { idsBelow, prefixOf, readHandle, type TrackioRun } from './handle.ts';
import { API_VERSION, ONLINE, QUERY_BYTES, QUERY_ROWS, THROUGH_INBOX, VERIFIED_VERSIONS } from './limits.ts';
import { Media } from './media.ts';
import { isoDate, rowText } from './row-text.ts';
import { readRow } from './rows.ts';
import { nameQuery, outcomeOfSend, sendToRun, type Writing } from './run-writer.ts';
import { gone, TrackioRuns } from './runs.ts';
import { FIELDS, parseSettings, type TrackioSettings } from './settings.ts';

class TrackioBackend implements Backend {
  readonly #settings: TrackioSettings;
  readonly #context: BackendContext;
  readonly #client: Client;
  readonly #media: Media;
  readonly #writing: Writing;
  readonly #runs: TrackioRuns;
  #isAllowed = false;

  constructor(settings: TrackioSettings, context: BackendContext) {
    this.#settings = settings;
    this.#context = context;
    this.#client = new Client(settings, context.clock ?? systemClock, context.random ?? systemRandom);
    this.#media = new Media(this.#client);
    const clock = context.clock ?? systemClock;
    this.#writing = { client: this.#client, media: this.#media, inbox: settings.inbox, clock, unsure: new Map() };
    this.#runs = new TrackioRuns(this.#client, settings.project, context, (run, signal) => this.#points(run, { signal }, signal));
  }

  readonly describe: Call<'describe'> = () => (this.#settings.inbox === undefined ? ONLINE : THROUGH_INBOX);

  readonly probe: Call<'probe'> = async (signal) => {
    const { version, api_version: api, writes_paused: isPaused } = await this.#client.version(signal);
    if (api !== API_VERSION) {
      throw new MirrorError('MB4003', `${this.#client.url} speaks version ${api} of Trackio's API, mirrorboard version ${API_VERSION}`);
    }
    await this.#client.checkAccess(signal);
    const notes = [
      ...(isPaused === true ? ['The server does not take writes now: TRACKIO_PAUSE_WRITES is set there.'] : []),
      ...(VERIFIED_VERSIONS.includes(String(version))
        ? []
        : [
            `mirrorboard is tested with Trackio ${VERIFIED_VERSIONS.join(', ')}, not with ${version}. Run verify after the first backfill.`,
          ]),
      ...(this.#settings.inbox === undefined
        ? ['Trackio shows the time of arrival as the time of points. Set inbox to show their own time.']
        : []),
    ];
    return { address: this.#client.url, version: String(version), clockSkewMs: undefined, notes };
  };

  readonly open: Call<'open'> = async (run, known, signal) => {
    // A server lets everybody read: to find a run proves nothing.
    if (!this.#isAllowed || run.isTrial === true) await this.#client.checkAccess(signal);
    this.#isAllowed = true;
    return this.#runs.open(run, known, signal);
  };

  readonly noteFiles: Call<'noteFiles'> = (handle, files, signal) => this.#runs.noteFiles(readHandle(handle), files, signal);

  readonly send: Call<'send'> = (parcels, signal) =>
    sendByRun(
      parcels,
      async (handle, own) => sendToRun(this.#writing, readHandle(handle), own, signal),
      (thrown) => outcomeOfSend(thrown, signal),
    );

  readonly tryOut: Call<'tryOut'> = async (handle, kind, signal) => {
    const run = readHandle(handle);
    const data = (this.#context.random ?? systemRandom).bytes(16);
    const sha256 = sha256Of(data);
    if (kind === 'files') return storeBlob(this.#client, run.project, sha256, bodyOf(data), signal);
    const name = await this.#nameOf(run, signal);
    if (kind === 'params') return mergeConfig(this.#client, run, name, signal, (config) => config);
    await this.#media.store(run, [{ sha256, data, format: 'trial', label: '' }], signal);
    const id = `${prefixOf(run)}.trial/${sha256}`;
    await this.#client.log([rowText(run, name, { id })], signal);
    const [row] = await this.#client.query(run.project, `select '1' as one from metrics where log_id = ${sqlText(id)}`, signal);
    if (row === undefined) throw new MirrorError('MB4005', 'Trackio took a row, and does not have it', { retry: 'later' });
  };

  async *readBack(handle: Handle, options: ReadBackOptions = {}): AsyncGenerator<ReadBackChunk, void, void> {
    const run = readHandle(handle);
    const signal = options.signal ?? new AbortController().signal;
    await this.#nameOf(run, signal);
    yield* this.#points(run, options, signal);
  }

  #points(run: TrackioRun, { isWanted }: ReadBackOptions, signal: AbortSignal): AsyncIterable<ReadBackChunk> {
    const rows = this.#rows(run, signal);
    const points = async function* (media: Media): AsyncGenerator<ReadBackPoint & { tag: string; plugin: string }, void, void> {
      for await (const row of rows) {
        for (const { tag, plugin, point, files, text } of readRow(row)) {
          if (isWanted?.(tag) === false) continue;
          const content = text === undefined ? undefined : await media.read(run, text, signal);
          // A point without its bytes is not held.
          if (text !== undefined && content === undefined) continue;
          const others = files.filter(([name]) => name !== text);
          const isThere = await Promise.all(others.map(([name]) => media.has(run, name, signal)));
          if (!isThere.includes(false)) yield { tag, plugin, ...point, ...(content === undefined ? {} : { value: content.toString() }) };
        }
      }
    };
    return chunksOf(points(this.#media));
  }

  /** Returns the rows of points, in the order of their ids. */
  async *#rows(run: TrackioRun, signal: AbortSignal): AsyncGenerator<SqlRow, void, void> {
    const prefix = `${prefixOf(run)}/`;
    for (let last = prefix; ; ) {
      // Rows may be long: a page ends by their length too.
      const page =
        'select log_id as id, cast(step as text) as step, metrics, ' +
        'sum(length(metrics)) over (order by log_id) - length(metrics) as before ' +
        `from metrics where ${idsBelow(prefix, last)} order by log_id limit ${QUERY_ROWS}`;
      const rows = await this.#client.query(run.project, `select id, step, metrics from (${page}) where before < ${QUERY_BYTES}`, signal);
      yield* rows;
      const next = rows.at(-1)?.['id'];
      if (typeof next !== 'string') return;
      last = next;
    }
  }

  readonly finish: Call<'finish'> = async (handle, end, signal) => {
    const run = readHandle(handle);
    if (run.isJoined) return;
    const name = await this.#nameOf(run, signal);
    const date = isoDate(end?.endedAt);
    await mergeConfig(this.#client, run, name, signal, (config) => {
      const { ended_at: _, ...facts } = (config['mirrorboard'] ?? {}) as Readonly<Record<string, string>>;
      const status = end?.status ?? 'running';
      return { ...config, mirrorboard: { ...facts, status, ...(date === undefined ? {} : { ended_at: date }) } };
    });
  };

  readonly setParams: Call<'setParams'> = async (handle, params, signal) => {
    const run = readHandle(handle);
    const name = await this.#nameOf(run, signal);
    const fields = Object.fromEntries(params.map((param) => [paramKey(param.name), paramValue(param.value)]));
    // In a run that another program made, its params stay.
    await mergeConfig(this.#client, run, name, signal, (config) => (run.isJoined ? { ...fields, ...config } : { ...config, ...fields }));
    if (!run.isJoined) return params.map(() => ({ kind: 'set' }));
    const config = await readConfig(this.#client, run, signal);
    return params.map((param) => {
      const held = configText(config[paramKey(param.name)] ?? null);
      return held === configText(paramValue(param.value)) ? { kind: 'set' } : { kind: 'kept', value: held };
    });
  };

  readonly putFile: Call<'putFile'> = async (handle, file, signal) => {
    const run = readHandle(handle);
    await storeFile(this.#client, run, await this.#nameOf(run, signal), file, signal);
    return { kind: 'stored' };
  };

  readonly compareArtifacts: Call<'compareArtifacts'> = async (handle, { files, params }, signal) => {
    const run = readHandle(handle);
    await this.#nameOf(run, signal);
    const config = params.length === 0 ? {} : await readConfig(this.#client, run, signal);
    const differences: ArtifactDifference[] = [];
    for (const { name, value } of params) {
      const held = config[paramKey(name)];
      if (held !== undefined && configText(held) === configText(paramValue(value))) continue;
      differences.push({ kind: 'param', name, found: held === undefined ? undefined : configText(held) });
    }
    return [...differences, ...(await compareFiles(this.#client, run, files, signal))];
  };

  readonly foreign: Call<'foreign'> = async (own, signal) => {
    const hparams = (run: TrackioRun): AsyncIterable<ReadBackChunk> =>
      this.#points(run, { isWanted: (tag) => tag.startsWith('_hparams_/') }, signal);
    return foreignIn(this.#client, hparams, own, signal);
  };

  readonly remove: Call<'remove'> = async (handle, signal) => {
    const { project, run } = readHandle(handle);
    await this.#client.call('delete_run', { project, run: null, run_id: run }, signal);
  };

  readonly link: Call<'link'> = (handle) => {
    const { project, run } = readHandle(handle);
    return `${this.#client.url}/run?${new URLSearchParams({ project, selected_run_id: run })}`;
  };

  readonly close: Call<'close'> = () => this.#client.close();

  /** Returns the present name of a run: a person may have changed it. Throws if the run is gone. */
  async #nameOf(run: TrackioRun, signal: AbortSignal): Promise<string> {
    const [row] = await this.#client.query(run.project, `select ${nameQuery(run)} as name`, signal);
    const name = row?.['name'];
    if (typeof name !== 'string') throw gone(run);
    return name;
  }
}

function bodyOf(data: Uint8Array) {
  return {
    bytes: data.length,
    async *read() {
      yield data;
    },
  };
}

/** The kind of tracker that `type: trackio` names. */
export const trackio: BackendType<TrackioSettings> = {
  type: 'trackio',
  fields: FIELDS,
  groupKeys: ['project'],
  parse: parseSettings,
  target: ({ url, project }) => (project === undefined ? url : `${url} ${project}`),
  create: async (settings, context) => new TrackioBackend(settings, context),
};

export type { TrackioSettings } from './settings.ts';
