/**
 * The configuration of a run: its values for people, and the facts that identify it. Keys of other programs stay
 * unchanged.
 */

import { isFields, parseJson } from '../../http/index.ts';
import { STEP_KEY } from './keys.ts';
import { membersOf } from './row-reader.ts';
import { EXACT_KEY, MARK_KEY } from './rows.ts';

/** The version of the mapping. It changes if rows of the same records would look different. */
export const MAPPING = 1;

/** The run's identity, and the facts about how its rows were made. */
export interface OwnFacts {
  readonly mapping: number;
  readonly key: string;
  readonly instance: string;
  readonly fingerprint: readonly (readonly [file: string, checksum: number])[];
  readonly root: string;
  readonly run: string;
  readonly source: string;
  readonly started_at: number;
  readonly tags?: Readonly<Record<string, string>>;
  /** Keys that differ from their tags, with the tags. */
  readonly renamed_tags?: Readonly<Record<string, string>>;
  /** The number of lines that existed when the state had been lost. */
  readonly recovered?: number;
  /** The status from the end of its hparams session. */
  readonly status?: string;
}

const OWN = 'mirrorboard';
const SERVICE = '_wandb';

/** Makes charts of every key use the steps of the files; hides the exact forms, which only serve for reading back. */
const METRICS = [
  { 1: STEP_KEY, 6: [3], 7: [] },
  { 2: '*', 5: 1, 6: [1], 7: [] },
  { 1: EXACT_KEY, 5: 1, 6: [1, 2, 3], 7: [6] },
  { 1: MARK_KEY, 5: 1, 6: [1, 2, 3], 7: [6] },
];

/** A run's configuration: its params, and mirrorboard's notes about the run. */
export class RunConfig {
  /** Each value as JSON, without the wrapping of the protocol. */
  readonly #values = new Map<string, string>();
  #own: OwnFacts | undefined;

  /** Reads the server's text, which wraps every value; empty for a new run. */
  static read(text: string): RunConfig {
    const config = new RunConfig();
    for (const [key, wrapped] of membersOf(text) ?? []) {
      const value = membersOf(wrapped)?.find(([name]) => name === 'value')?.[1];
      config.set(key, value ?? wrapped);
    }
    return config;
  }

  get own(): OwnFacts | undefined {
    return this.#own;
  }

  setOwn(own: OwnFacts): void {
    this.set(OWN, JSON.stringify(own));
  }

  /** Sets a value as JSON. True if it was different before. */
  set(key: string, value: string): boolean {
    if (this.#values.get(key) === value) return false;
    this.#values.set(key, value);
    if (key === OWN) this.#own = ownFacts(value);
    return true;
  }

  /** Sets a param of the run. A param cannot replace our own names. */
  setParam(name: string, value: string): boolean {
    return this.set(paramKey(name), value);
  }

  /** Returns a param as JSON. */
  param(name: string): string | undefined {
    return this.#values.get(paramKey(name));
  }

  get values(): ReadonlyMap<string, string> {
    return this.#values;
  }

  /** Returns the configuration in the form of the protocol. */
  wrapped(): string {
    if (!this.#values.has(SERVICE)) this.#values.set(SERVICE, JSON.stringify({ t: { 12: CLIENT }, m: METRICS }));
    return `{${[...this.#values].map(([key, value]) => `${JSON.stringify(key)}:{"value":${value}}`).join(',')}}`;
  }
}

/** True if a key belongs to mirrorboard or the service, and is no param. */
export function isOwnKey(key: string): boolean {
  return key === OWN || key === SERVICE;
}

/** Returns the key of a param. */
export function paramKey(name: string): string {
  return isOwnKey(name) || name === '' ? `param.${name}` : name;
}

/** The client version. Without one, the service treats the run as one that never started. */
const CLIENT = '0.31.0';

/** Reads our facts. Undefined if the text does not have our form: then the run is not ours. */
function ownFacts(text: string): OwnFacts | undefined {
  const parsed = parseJson(Buffer.from(text));
  if (parsed.kind !== 'ok' || !isFields(parsed.value)) return undefined;
  const { mapping, key, instance, fingerprint, started_at: startedAt, recovered = 0, renamed_tags: renamed = {} } = parsed.value;
  const isNamed = typeof key === 'string' && typeof instance === 'string';
  const isCounted = [mapping, startedAt, recovered].every((number) => typeof number === 'number');
  const isRenamed = isFields(renamed) && Object.values(renamed).every((tag) => typeof tag === 'string');
  const isWhole = isNamed && isCounted && isRenamed && Array.isArray(fingerprint) && fingerprint.every(isPrint);
  return isWhole ? (parsed.value as unknown as OwnFacts) : undefined;
}

function isPrint(entry: unknown): boolean {
  return Array.isArray(entry) && typeof entry[0] === 'string' && typeof entry[1] === 'number';
}
