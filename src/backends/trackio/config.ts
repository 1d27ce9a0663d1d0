/** Params: the config of a run. Every writer replaces a config as a whole, so each change is merged and read back. */
import type { RunParam } from '../../contract/index.ts';
import { MirrorError } from '../../errors.ts';
import { jsonNumber } from '../../model/index.ts';
import { type Client, sqlText } from './client.ts';
import { prefixOf, type TrackioRun } from './handle.ts';
import { rowText } from './row-text.ts';

/** A config. An integer is a bigint, as in a param, so that 3 and 3.0 stay different. */
export type Config = { readonly [name: string]: ConfigValue };
/** A value in a config. */
export type ConfigValue = string | number | bigint | boolean | null | readonly ConfigValue[] | Config;

const OWN_NAMES = /^(?:mirrorboard|_Created|_Group|_Username)_*$/;
/** Processes that change one config at the same time take turns after a few tries. */
const TRIES = 8;
/** The integers that Trackio can store (orjson). */
const [LEAST, MOST] = [-(2n ** 63n), 2n ** 64n - 1n];

/** Returns the config of a run; empty if it has none. */
export async function readConfig(client: Client, { project, run }: TrackioRun, signal: AbortSignal): Promise<Config> {
  const [row] = await client.query(project, `select config from configs where run_id = ${sqlText(run)}`, signal);
  try {
    const config = JSON.parse(String(row?.['config'] ?? '{}'), integers as Parameters<typeof JSON.parse>[1]) as Config | null;
    return typeof config === 'object' && config !== null ? config : {};
  } catch {
    return {};
  }
}

/** Changes the config of a run, and makes sure that the change is there. */
export async function mergeConfig(
  client: Client,
  run: TrackioRun,
  name: string,
  signal: AbortSignal,
  change: (config: Config) => Config,
): Promise<void> {
  for (let left = TRIES; left > 0; left--) {
    const before = await readConfig(client, run, signal);
    const text = configText(change(before));
    // Trackio takes a config only with a row: this one is stored once, and ignored afterwards.
    await client.log([rowText(run, name, { id: `${prefixOf(run)}.config`, config: text })], signal);
    const after = await readConfig(client, run, signal);
    if (configText(change(after)) === configText(after)) return;
  }
  throw new MirrorError('MB4005', `the config of the Trackio run ${run.run} did not keep what was written`, { retry: 'later' });
}

/** Returns the name of a param in a config, in which Trackio and mirrorboard have names of their own. */
export function paramKey(name: string): string {
  return OWN_NAMES.test(name) ? `${name}_` : name;
}

/** Returns a param as a config holds it. */
export function paramValue(value: RunParam['value']): ConfigValue {
  if (typeof value === 'bigint') return value >= LEAST && value <= MOST ? value : String(value);
  // What JSON cannot hold is a text, as Trackio itself writes it.
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
}

/** Returns a value as the text of its JSON, with integers and other numbers apart. */
export function configText(value: ConfigValue): string {
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'number') return Number.isSafeInteger(value) && !Object.is(value, -0) ? `${value}.0` : jsonNumber(value);
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(configText).join(',')}]`;
  return `{${Object.entries(value)
    .map(([name, field]) => `${JSON.stringify(name)}:${configText(field as ConfigValue)}`)
    .join(',')}}`;
}

function integers(_: string, value: unknown, { source }: { readonly source?: string }): unknown {
  return typeof value === 'number' && source !== undefined && /^-?\d+$/.test(source) ? BigInt(source) : value;
}
