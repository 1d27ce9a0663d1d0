/** Answers TensorBoard's requests from the store. The answers are encoded messages. */
import { status } from '@grpc/grpc-js';
import { type DataClass, int64, type RunRef } from '../model/index.ts';
import type { mirrorboard as messages } from '../proto/messages.js';
import type { RootSummary, RunStart, SeriesSelection, Shown, StoredValue, StoreQueries, ValueSample } from '../query/index.ts';
import { blobBytes, parseBlobKey } from './blobs.ts';
import { type Choice, type Experiment, experimentOf, isDefaultExperiment } from './experiment.ts';
import { differingExperiments } from './hparams-rule.ts';
import { ListCache } from './list-cache.ts';
import { listMessage } from './list-messages.ts';
import { Media } from './media.ts';
import { addBlobs, addScalars, addTimes, addTimesOf, readMessage } from './read-messages.ts';
import { Refusal } from './refusal.ts';
import { largestShare, totalBytes, withinBytes } from './tensor-bytes.ts';
import { tensorMessage } from './tensor-message.ts';
import { addBytes, addDouble, addMessage, message, type Writer } from './wire.ts';

/** A request for series. */
export type SeriesRequest = Pick<messages.SeriesRequest, 'experiment_id' | 'plugin_filter' | 'run_tag_filter' | 'downsample'>;

/** The data that the provider works with. */
export interface ProviderOptions extends Choice {
  readonly queries: StoreQueries;
  readonly mediaPath: string;
  readonly shown: Shown;
}

const MIB = 1024 * 1024;
/** The bytes of tensors in one answer, about: above it, steps are omitted. */
const MOST_TENSOR_BYTES = 128 * MIB;
/** The most bytes of tensors in one answer, about: TensorBoard accepts an answer of 256 MiB. */
const MOST_ACCEPTED_BYTES = 240 * MIB;
/** The most characters of a wrong key in an error. */
const MOST_KEY = 100;

/** The ten calls of TensorBoard's data provider. */
export class DataProvider {
  readonly #options: ProviderOptions;
  readonly #media: Media;
  readonly #lists = new ListCache();

  constructor(options: ProviderOptions) {
    this.#options = options;
    this.#media = new Media(options.mediaPath);
  }

  /** Describes the experiment. */
  async experiment(id: string, signal: AbortSignal): Promise<Uint8Array> {
    const { location, name } = await this.#experiment(id, signal);
    return addBytes(addBytes(message(), 1, location), 2, name).finish();
  }

  /** Lists the plugins that have data. */
  async plugins(id: string, signal: AbortSignal): Promise<Uint8Array> {
    const experiment = await this.#experiment(id, signal);
    const answer = message();
    for (const plugin of await this.#plugins(experiment, signal)) {
      if (plugin !== '') addMessage(answer, 1, (entry) => addBytes(entry, 1, plugin));
    }
    return answer.finish();
  }

  /** Lists the runs. */
  async runs(id: string, signal: AbortSignal): Promise<Uint8Array> {
    const experiment = await this.#experiment(id, signal);
    const answer = message();
    for (const { run, startTime } of await this.#starts(experiment, signal)) {
      const name = nameOf(experiment, run);
      addMessage(answer, 1, (entry) => {
        addBytes(entry, 2, name);
        // TensorBoard sorts by time, and a run without events belongs at the end.
        addDouble(entry, 3, startTime ?? Number.POSITIVE_INFINITY);
      });
    }
    return answer.finish();
  }

  /** Lists the series of a class. */
  async list(dataClass: DataClass, request: SeriesRequest, signal?: AbortSignal): Promise<Uint8Array> {
    const { queries } = this.#options;
    const { plugin_filter: plugin, run_tag_filter: filter, experiment_id: id } = request;
    // Read before the list: a list that is newer than its version is only made once more.
    const { version } = await queries.ask({ kind: 'changes' }, signal);
    // The page asks for the default experiment by both of its ids.
    const experimentId = isDefaultExperiment(id) ? '' : id;
    const key = JSON.stringify([dataClass, experimentId, plugin?.plugin_name, filter?.runs?.names, filter?.tags?.names]);
    return await this.#lists.get(version, key, async () => {
      // Without the signal of this request: others may wait for the list, too.
      const { experiment, select } = await this.#selection(dataClass, request);
      if (select === undefined) return Uint8Array.of();
      const listing = await queries.ask({ kind: 'listing', select });
      return listMessage(listing, {
        nameOf: (run) => nameOf(experiment, run),
        hasLengths: dataClass === 'blob_sequence',
        ...(select.plugin === 'hparams' ? { leftOut: differingExperiments(listing.definitions) } : {}),
      });
    });
  }

  /** Reads scalars. */
  async scalars(request: SeriesRequest, signal: AbortSignal): Promise<Uint8Array> {
    const { experiment, select } = await this.#selection('scalar', request, signal);
    if (select === undefined) return Uint8Array.of();
    const samples = await this.#options.queries.ask({ kind: 'samples', select, ...this.#limits(request) }, signal);
    return readMessage(
      samples.map(({ run, tag, step, wallTime, value }) => ({
        run: nameOf(experiment, run),
        tag,
        write: (writer) => {
          addTimes(writer, step, wallTime);
          addScalars(writer, value);
        },
      })),
    );
  }

  /** Reads tensors. It leaves out those of which a file is missing. */
  async tensors(request: SeriesRequest, signal: AbortSignal): Promise<Uint8Array> {
    const { experiment, samples } = await this.#values('tensor', request, signal);
    const entries = [];
    for (const { run, definition, values } of fitted(samples)) {
      signal.throwIfAborted();
      const read: { readonly value: StoredValue; readonly tensor: Uint8Array }[] = [];
      for (const value of values) {
        const tensor = await tensorMessage(definition.plugin, value, this.#media);
        if (tensor !== undefined) read.push({ value, tensor });
      }
      entries.push({
        run: nameOf(experiment, run),
        tag: definition.tag,
        write: (writer: Writer) => {
          addTimesOf(
            writer,
            read.map(({ value }) => value),
          );
          for (const { tensor } of read) addBytes(writer, 3, tensor);
        },
      });
    }
    return readMessage(entries);
  }

  /** Reads the keys of blobs. */
  async blobs(request: SeriesRequest, signal: AbortSignal): Promise<Uint8Array> {
    const { experiment, samples } = await this.#values('blob_sequence', request, signal);
    return readMessage(
      samples.map(({ run, definition, values }) => ({
        run: nameOf(experiment, run),
        tag: definition.tag,
        write: (writer) => {
          addTimesOf(writer, values);
          addBlobs(writer, values);
        },
      })),
    );
  }

  /** Yields the bytes of a blob in pieces, at least one. */
  async *blob(key: string, signal: AbortSignal): AsyncGenerator<Uint8Array, void, void> {
    const name = parseBlobKey(key);
    if (name === undefined) throw new Refusal(status.INVALID_ARGUMENT, `${JSON.stringify(key.slice(0, MOST_KEY))} is no key of a blob`);
    const { queries } = this.#options;
    const gone = (): Refusal => new Refusal(status.NOT_FOUND, `the store has no blob ${key} any more`);
    if (name.kind === 'file') {
      const file = await queries.ask({ kind: 'media', sha256: name.sha256 }, signal);
      if (file === undefined) throw gone();
      yield* this.#media.pieces(file);
      return;
    }
    const value = await queries.ask({ kind: 'value', id: name.value }, signal);
    const bytes = value === undefined ? undefined : blobBytes(value, name);
    if (bytes === undefined) throw gone();
    yield bytes;
  }

  async #values(dataClass: DataClass, request: SeriesRequest, signal: AbortSignal): Promise<SelectedValues> {
    const { experiment, select } = await this.#selection(dataClass, request, signal);
    if (select === undefined) return { experiment, samples: [] };
    const samples = await this.#options.queries.ask({ kind: 'valueSamples', select, ...this.#limits(request) }, signal);
    return { experiment, samples };
  }

  /** Returns the runs of an experiment with their starts. */
  async #starts(experiment: Experiment, signal?: AbortSignal): Promise<readonly RunStart[]> {
    if (experiment.views.length === 0) return [];
    const { root } = experiment;
    const starts = await this.#options.queries.ask({ kind: 'starts', ...(root === undefined ? {} : { root }) }, signal);
    return experiment.isWhole ? starts : starts.filter(({ run }) => experiment.nameOf(run) !== undefined);
  }

  async #plugins(experiment: Experiment, signal?: AbortSignal): Promise<Iterable<string>> {
    const { queries } = this.#options;
    const { root, isWhole, views } = experiment;
    if (views.length === 0) return [];
    const found = isWhole
      ? await queries.ask({ kind: 'plugins', ...(root === undefined ? {} : { root }) }, signal)
      : await queries.ask({ kind: 'tags', select: { runs: await this.#runsOf(experiment, signal) } }, signal);
    return new Set(found.map(({ plugin }) => plugin));
  }

  async #runsOf(experiment: Experiment, signal?: AbortSignal): Promise<RunRef[]> {
    return (await this.#starts(experiment, signal)).map(({ run }) => run);
  }

  async #experiment(id: string, signal?: AbortSignal): Promise<Experiment> {
    const roots: readonly RootSummary[] = await this.#options.queries.ask({ kind: 'roots' }, signal);
    return experimentOf(id, roots, this.#options);
  }

  /** Returns the selected series; `select` is undefined if a filter excludes everything. */
  async #selection(
    dataClass: DataClass,
    { experiment_id: id, plugin_filter: filter, run_tag_filter: names }: SeriesRequest,
    signal?: AbortSignal,
  ): Promise<{ readonly experiment: Experiment; readonly select: SeriesSelection | undefined }> {
    const plugin = filter?.plugin_name ?? '';
    if (plugin === '') throw new Refusal(status.INVALID_ARGUMENT, 'the request names no plugin');
    const experiment = await this.#experiment(id, signal);
    const { root } = experiment;
    const [runs, tags] = [names?.runs?.names, names?.tags?.names];
    if (experiment.views.length === 0 || runs?.length === 0 || tags?.length === 0) return { experiment, select: undefined };
    const all = async (): Promise<RunRef[] | undefined> => (experiment.isWhole ? undefined : await this.#runsOf(experiment, signal));
    const chosen = runs == null ? await all() : experiment.runsNamed([...new Set(runs)]);
    const select = {
      plugin,
      dataClass,
      ...(root === undefined ? {} : { root }),
      ...(chosen === undefined ? {} : { runs: chosen }),
      ...(tags == null ? {} : { tags: [...new Set(tags)] }),
    };
    return { experiment, select };
  }

  /** TensorBoard sends 0 for everything, which the budget limits. */
  #limits({ downsample }: SeriesRequest): { readonly shown: Shown; readonly most?: number } {
    const most = Number(int64(downsample?.num_points));
    return { shown: this.#options.shown, ...(most > 0 ? { most } : {}) };
  }
}

/** Returns the name of a run that the experiment shows: answers have no other runs. */
function nameOf(experiment: Experiment, run: RunRef): string {
  return experiment.nameOf(run) ?? run.path;
}

interface SelectedValues {
  readonly experiment: Experiment;
  readonly samples: readonly ValueSample[];
}

/** Returns the samples without the steps that have no room in an answer; throws a `Refusal` if the last have none. */
function fitted(samples: readonly ValueSample[]): ValueSample[] {
  const most = largestShare(
    samples.map(({ values }) => totalBytes(values)),
    MOST_TENSOR_BYTES,
  );
  const kept = samples.map((sample) => ({ ...sample, values: withinBytes(sample.values, most) }));
  const bytes = kept.reduce((sum, { values }) => sum + totalBytes(values), 0);
  if (bytes <= MOST_ACCEPTED_BYTES) return kept;
  const [size, limit] = [bytes, MOST_ACCEPTED_BYTES].map((one) => `${Math.round(one / MIB)} MiB`);
  const found = `the last tensors of ${samples.length} series have ${size}`;
  throw new Refusal(status.INVALID_ARGUMENT, `${found}, and an answer may have ${limit}; select fewer runs`);
}
