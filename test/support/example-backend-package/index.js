/**
 * A backend for mirrorboard as a package: a folder for each tracker run, a line of JSON for each point. Plain JavaScript, with the
 * types of mirrorboard's contract in comments.
 *
 * @typedef {import('../../../src/contract/index.ts').Backend} Backend
 * @typedef {import('../../../src/contract/index.ts').BackendType<ExampleSettings>} BackendType
 * @typedef {import('../../../src/contract/index.ts').BackendContext} BackendContext
 * @typedef {import('../../../src/contract/index.ts').Capabilities} Capabilities
 * @typedef {import('../../../src/contract/index.ts').FileMark} FileMark
 * @typedef {import('../../../src/contract/index.ts').Handle} Handle
 * @typedef {import('../../../src/contract/index.ts').Outcome} Outcome
 * @typedef {import('../../../src/contract/index.ts').RunSource} RunSource
 * @typedef {import('../../../src/contract/index.ts').TrackerParcel} TrackerParcel
 * @typedef {{ readonly folder: string }} ExampleSettings
 */
import { createHash } from 'node:crypto';
import { access, mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

/** An error in the form that mirrorboard shows: a code of docs/errors.md, whether trying again helps, and what to do. */
class ExampleError extends Error {
  /**
   * @param {string} code
   * @param {string} message
   * @param {{ retry?: 'now' | 'later' | 'never', hint?: string, cause?: unknown }} [details]
   */
  constructor(code, message, { retry = 'never', hint, cause } = {}) {
    super(message, { cause });
    this.name = 'MirrorError';
    this.code = code;
    this.retry = retry;
    this.hint = hint;
    this.command = undefined;
    this.context = {};
    this.exitCode = 1;
  }
}

/** @type {Capabilities} */
const CAPABILITIES = {
  name: 'mirrorboard-backend-example',
  // What it could not give back it does not take: `verify` believes what is read back, not what is said to be kept.
  holds: {
    scalars: 'native',
    histograms: 'none',
    images: 'none',
    audio: 'none',
    text: 'none',
    pr_curves: 'none',
    mesh: 'none',
    hparams: 'none',
    custom_scalars: 'none',
    graphs: 'none',
    other: 'none',
  },
  limits: { pointsPerSend: 10_000, bytesPerSend: 4 * 1024 * 1024, runsPerSend: 16 },
  replacesByKey: true,
  keeps: { step: true, wallTime: true, nan: true, negativeZero: true, repeatedSteps: true, equalPoints: true },
  caps: {},
  readBack: 'full',
  ownsPosition: false,
  needsJournal: false,
};

/** @implements {Backend} */
class ExampleBackend {
  /** @type {string} */ #folder;
  /** Keys that a run's file has already, by handle. @type {Map<string, Set<string>>} */
  #known = new Map();

  /** @type {BackendContext} */ #context;

  /**
   * @param {string} folder
   * @param {BackendContext} context
   */
  constructor(folder, context) {
    this.#folder = folder;
    this.#context = context;
  }

  describe() {
    return CAPABILITIES;
  }

  async probe() {
    // Looks, and writes nothing: a folder that is not there yet is made by the first `open`.
    const isThere = await exists(this.#folder);
    return {
      address: this.#folder,
      version: undefined,
      clockSkewMs: 0,
      notes: isThere ? [] : ['The folder is not there yet; it will be made.'],
    };
  }

  /**
   * @param {RunSource} run
   * @param {Handle | undefined} known
   * @param {AbortSignal} signal
   */
  async open(run, known, signal) {
    if (known !== undefined && (await exists(join(this.#folder, known, 'run.json')))) {
      await this.noteFiles(known, run.fingerprint);
      return known;
    }
    await mkdir(this.#folder, { recursive: true });
    // Names of runs and groups may hold anything: the folder is named by the key alone. Who makes it first has it.
    // A handle that leads nowhere is not given again: under a new one, everything is sent from the beginning.
    for (let n = known === undefined ? 1 : Number(known.split('-').at(-1)) + 1; ; n++) {
      const handle = /** @type {Handle} */ (`${run.key}-${n}`);
      const path = join(this.#folder, handle);
      const facts = await readFacts(path);
      if (facts === undefined) {
        // The whole folder comes into being in one step, so that another process sees all of it or nothing.
        const own = `${path}.${process.pid}.${Math.random().toString(36).slice(2)}`;
        await mkdir(own);
        await writeFile(join(own, 'points.jsonl'), '');
        const { name, group, tags, instanceId, fingerprint } = run;
        await writeFile(join(own, 'run.json'), JSON.stringify({ name, group, tags, instanceId, fingerprint }));
        try {
          await rename(own, path);
          return handle;
        } catch {
          await rm(own, { recursive: true });
          n--;
        }
      } else if (await this.#isOwn(handle, facts, run, signal)) {
        await this.#change(handle, (now) => ({ ...now, instanceId: run.instanceId }));
        await this.noteFiles(handle, run.fingerprint);
        return handle;
      } else if (known === undefined) {
        // Its name is taken: people must be able to tell the two.
        run = { ...run, name: `${run.name.replace(/ \(\d+\)$/, '')} (${n + 1})` };
      }
    }
  }

  /**
   * A tracker run of the same key may be somebody else's. One rule says whose it is, for all backends: what is asked of a backend is what the
   * tracker run was given to be known by, and what it holds.
   *
   * @param {Handle} handle
   * @param {any} facts
   * @param {RunSource} run
   * @param {AbortSignal} signal
   */
  async #isOwn(handle, { instanceId, fingerprint }, run, signal) {
    const whose = await this.#context.whoseRun({ instanceId, fingerprint, readBack: () => this.readBack(handle) }, run, signal);
    if (whose.kind === 'other') this.#context.warn(`a run of the same root and path is there, ${whose.why}`, { run: run.name });
    return whose.kind === 'own';
  }

  /**
   * Files that had no values yet when the run was opened.
   *
   * @param {Handle} handle
   * @param {readonly FileMark[]} files
   */
  async noteFiles(handle, files) {
    await this.#change(handle, (facts) => {
      const byFile = new Map([...facts.fingerprint, ...files].map((mark) => [mark.file, mark]));
      return { ...facts, fingerprint: [...byFile.values()] };
    });
  }

  /**
   * @param {Handle} handle
   * @param {(facts: any) => any} change
   */
  async #change(handle, change) {
    const path = join(this.#folder, handle);
    const facts = await readFacts(path);
    if (facts === undefined) throw new ExampleError('MB4006', `there is no run ${handle}`);
    const text = JSON.stringify(change(facts));
    if (text === JSON.stringify(facts)) return;
    const part = join(path, `run.json.${process.pid}.${Math.random().toString(36).slice(2)}`);
    await writeFile(part, text);
    await rename(part, join(path, 'run.json'));
  }

  /**
   * @param {readonly TrackerParcel[]} parcels
   * @returns {Promise<readonly Outcome[]>}
   */
  async send(parcels) {
    /** @type {Outcome[]} */
    const outcomes = [];
    for (const parcel of parcels) outcomes.push(await this.#store(parcel));
    return outcomes;
  }

  /**
   * @param {TrackerParcel} parcel
   * @returns {Promise<Outcome>}
   */
  async #store(parcel) {
    const points = pointsOf(parcel);
    const refusals = unsupported(parcel);
    try {
      const path = join(this.#folder, parcel.handle, 'points.jsonl');
      const known = this.#known.get(parcel.handle) ?? new Set((await readLines(path)).map(({ key }) => key));
      const fresh = points.filter(({ key }) => !known.has(key));
      if (fresh.length > 0) {
        // `r+` and not `a`: a run that somebody removed must not come back as a file without its facts.
        const file = await open(path, 'r+');
        try {
          const { size } = await file.stat();
          // A line that a crash cut short is ended first. It is no JSON, so nobody reads it.
          const start = size > 0 && (await lastByte(file, size)) !== 10 ? '\n' : '';
          await file.write(start + fresh.map((point) => `${JSON.stringify(point)}\n`).join(''), size);
          // Accepted means stored, whatever happens next.
          await file.sync();
        } finally {
          await file.close();
        }
      }
      for (const { key } of fresh) known.add(key);
      this.#known.set(parcel.handle, known);
      return { kind: 'accepted', points: points.length, refusals };
    } catch (cause) {
      this.#known.delete(parcel.handle);
      const error = /** @type {any} */ (translated(cause, parcel.handle));
      return error.code === 'MB4006' ? { kind: 'runFatal', error } : { kind: 'retry', error };
    }
  }

  /**
   * @param {Handle} handle
   * @param {import('../../../src/contract/index.ts').ReadBackOptions} [options]
   */
  async *readBack(handle, { isWanted = () => true } = {}) {
    // Two processes may have written the same point: its key says so.
    const byKey = new Map((await readLines(join(this.#folder, handle, 'points.jsonl'))).map((point) => [point.key, point]));
    for (const { tag, plugin, file, offset, index, step, wallTime, value } of byKey.values()) {
      if (!isWanted(tag)) continue;
      yield { tag, plugin, points: [{ step: read(step), wallTime: Number(read(wallTime)), value: read(value), file, offset, index }] };
    }
  }

  /**
   * Nothing of a point that is no scalar is read back: `holds` says that there is no place for it, or this would not be believed.
   *
   * @param {string} _tag
   * @param {string} _plugin
   * @param {import('../../../src/contract/index.ts').HeldPoint} point
   */
  asHeld(_tag, _plugin, point) {
    return typeof point.value === 'string' ? undefined : point;
  }

  /**
   * @param {Handle} handle
   * @param {import('../../../src/contract/index.ts').RunEnd | undefined} end
   */
  async finish(handle, end) {
    await this.#change(handle, (facts) => ({ ...facts, end: end && { status: end.status, endedAt: written(end.endedAt) } }));
  }

  /** @param {Handle} handle */
  async remove(handle) {
    await rm(join(this.#folder, handle), { recursive: true, force: true });
  }

  /** @param {Handle} handle */
  link(handle) {
    return `file://${encodeURI(join(this.#folder, handle))}`;
  }

  async close() {}
}

/**
 * The scalars, which stand in columns.
 *
 * @param {TrackerParcel} parcel
 */
function pointsOf({ batch, series }) {
  const { scalars, file } = batch;
  const points = [];
  // The columns may be longer than `count`; numbers that no double holds stand beside them.
  for (let row = 0; row < scalars.count; row++) {
    points.push({
      ...named(series[scalars.series[row] ?? 0]),
      ...placed(file, scalars.offset[row], scalars.checksum[row], scalars.index[row]),
      step: written(scalars.wideSteps.get(row) ?? scalars.step[row]),
      wallTime: written(scalars.wallTime[row]),
      value: written(scalars.wideValues.get(row) ?? scalars.value[row]),
    });
  }
  return points;
}

/**
 * Everything that is no scalar stands in objects, and has no place here: each is named, so that it is counted.
 *
 * @param {TrackerParcel} parcel
 * @returns {import('../../../src/contract/index.ts').Refusal[]}
 */
function unsupported({ batch }) {
  return batch.objects.map(({ offset, index, form }) => ({
    offset,
    index,
    kind: 'unsupported',
    reason: `a line has no place for ${form}`,
  }));
}

/** @param {import('../../../src/model/series.ts').Series | undefined} series */
function named(series) {
  return { tag: series?.tag ?? '', plugin: series?.plugin ?? '' };
}

/**
 * The key is made of the file, the place and the checksum, never of tag and step: writers repeat steps.
 *
 * @param {string} file
 * @param {number | undefined} offset
 * @param {number | undefined} checksum
 * @param {number | undefined} index
 */
function placed(file, offset = 0, checksum = 0, index = 0) {
  const key = createHash('sha256')
    .update(JSON.stringify([file, offset, checksum, index]))
    .digest('hex')
    .slice(0, 24);
  return { key, file, offset, index };
}

/**
 * JSON has no NaN, no infinities and no negative zero, and most readers round integers beyond 2^53.
 *
 * @param {number | bigint | undefined} x
 */
function written(x) {
  if (typeof x === 'bigint') return { integer: String(x) };
  if (Object.is(x, -0)) return { number: '-0' };
  return Number.isFinite(x) ? x : { number: String(x) };
}

/** @param {any} x */
function read(x) {
  if (typeof x === 'number') return x;
  return x.integer === undefined ? Number(x.number) : BigInt(x.integer);
}

/**
 * The lines that are whole.
 *
 * @param {string} path
 * @returns {Promise<any[]>}
 */
async function readLines(path) {
  const lines = (await readFile(path, 'utf8')).split('\n');
  return lines.flatMap((line) => {
    try {
      return line === '' ? [] : [JSON.parse(line)];
    } catch {
      return [];
    }
  });
}

/**
 * @param {import('node:fs/promises').FileHandle} file
 * @param {number} size
 */
async function lastByte(file, size) {
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1);
  return buffer[0];
}

/** @param {string} path */
async function readFacts(path) {
  try {
    return JSON.parse(await readFile(join(path, 'run.json'), 'utf8'));
  } catch {
    return undefined;
  }
}

/** @param {string} path */
async function exists(path) {
  return access(path).then(
    () => true,
    () => false,
  );
}

/**
 * @param {any} cause
 * @param {string} handle
 */
function translated(cause, handle) {
  if (cause?.code === 'ENOENT') return new ExampleError('MB4006', `the run ${handle} is not there any more`, { cause });
  return new ExampleError('MB4001', `writing points of ${handle}: ${cause?.message}`, { retry: 'later', cause });
}

/** @type {BackendType} */
const exampleBackend = {
  type: 'mirrorboard-backend-example',
  parse(section) {
    const { folder, type: _, ...rest } = section;
    const problems = Object.keys(rest).map((key) => ({ path: [key], found: 'a setting that is not known', expected: 'folder' }));
    if (typeof folder !== 'string' || folder === '') {
      problems.push({ path: ['folder'], found: folder === undefined ? 'nothing' : typeof folder, expected: 'the path of a folder' });
    }
    if (problems.length > 0) return { kind: 'problems', problems };
    return { kind: 'settings', settings: { folder: resolve(String(folder)) }, shown: [{ key: 'folder', value: folder, source: 'file' }] };
  },
  target: ({ folder }) => `folder:${folder}`,
  create: async ({ folder }, context) => new ExampleBackend(folder, context),
};

export default exampleBackend;
