/**
 * The configuration of a run: what people see of it, and by what it is found again. Other people's keys in it stay as
 * they are.
 */

import { isFields, parseJson } from '../../http/index.ts';
import { STEP_KEY } from './keys.ts';
import { membersOf } from './row-reader.ts';
import { EXACT_KEY, MARK_KEY } from './rows.ts';

/** Changes when rows of the same records would look different. */
export const MAPPING = 1;

/** Whose run it is, and how its rows were made. */
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
  /** Keys that are not the tag itself, with their tags. */
  readonly renamed_tags?: Readonly<Record<string, string>>;
  /** Lines that were there when the state had been lost. */
  readonly recovered?: number;
  /** As the end of its hparams session says. */
  readonly status?: string;
}

const OWN = 'mirrorboard';
const SERVICE = '_wandb';

/** Charts of every key go by the steps of the files; the exact forms are for reading back, not for charts. */
const METRICS = [
  { 1: STEP_KEY, 6: [3], 7: [] },
  { 2: '*', 5: 1, 6: [1], 7: [] },
  { 1: EXACT_KEY, 5: 1, 6: [1, 2, 3], 7: [6] },
  { 1: MARK_KEY, 5: 1, 6: [1, 2, 3], 7: [6] },
];

/** A run's configuration: params, and what we note of the run. */
export class RunConfig {
  /** Each value as JSON, without the wrapping of the wire. */
  readonly #values = new Map<string, string>();
  #own: OwnFacts | undefined;

  /** From the text of the server, which wraps every value; empty for a new one. */
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

  /** A value as JSON. True if it was another one before. */
  set(key: string, value: string): boolean {
    if (this.#values.get(key) === value) return false;
    this.#values.set(key, value);
    if (key === OWN) this.#own = ownFacts(value);
    return true;
  }

  /** A param of the run: our own names are not its to take. */
  setParam(name: string, value: string): boolean {
    return this.set(paramKey(name), value);
  }

  /** A param as JSON. */
  param(name: string): string | undefined {
    return this.#values.get(paramKey(name));
  }

  get values(): ReadonlyMap<string, string> {
    return this.#values;
  }

  /** As the wire has it. */
  wrapped(): string {
    if (!this.#values.has(SERVICE)) this.#values.set(SERVICE, JSON.stringify({ t: { 12: CLIENT }, m: METRICS }));
    return `{${[...this.#values].map(([key, value]) => `${JSON.stringify(key)}:{"value":${value}}`).join(',')}}`;
  }
}

/** Whether a key is ours or the service's, and no param. */
export function isOwnKey(key: string): boolean {
  return key === OWN || key === SERVICE;
}

/** The key of a param. */
export function paramKey(name: string): string {
  return isOwnKey(name) || name === '' ? `param.${name}` : name;
}

/** Without a version of the client, the run is treated as one that never started. */
const CLIENT = '0.31.0';

/** Undefined if it does not have our form: then it is not ours. */
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
