import type { ArtifactDifference, RunParam } from '../../contract/index.ts';
import { type Data, decode, encode, PARAMS } from './table.ts';

/** A param as its file has it. */
interface HeldParam {
  readonly type: string;
  readonly value: string | null;
}

/** The params of a run, by name. */
export type HeldParams = ReadonlyMap<string, HeldParam>;

/** Reads the file of params; empty if there is none. */
export async function readParams(bytes: Buffer | undefined, path: string): Promise<HeldParams> {
  if (bytes === undefined) return new Map();
  const { count, data } = await decode<typeof PARAMS, 'name' | 'type' | 'value'>(bytes, ['name', 'type', 'value'], path);
  return new Map(Array.from({ length: count }, (_, row) => [data.name[row], { type: data.type[row], value: data.value[row] ?? null }]));
}

/** Returns the file of params with some added or replaced; undefined if nothing changes. */
export async function withParams(
  held: HeldParams,
  params: readonly RunParam[],
  runId: string,
  run: string,
): Promise<Uint8Array | undefined> {
  if (params.every((param) => isHeld(held, param))) return undefined;
  const all = [...new Map([...held, ...params.map((param) => [param.name, heldOf(param)] as const)])];
  const data: Data<typeof PARAMS> = {
    run_id: all.map(() => runId),
    run: all.map(() => run),
    name: all.map(([name]) => name),
    type: all.map(([, { type }]) => type),
    value: all.map(([, { value }]) => value),
    number: all.map(([, { type, value }]) => (type === 'integer' || type === 'float' ? Number(value) : null)),
  };
  return encode(PARAMS, data);
}

/** Returns the params that are missing or differ. */
export function paramDifferences(held: HeldParams, wanted: readonly RunParam[]): readonly ArtifactDifference[] {
  return wanted
    .filter((param) => !isHeld(held, param))
    .map(({ name }) => {
      const there = held.get(name);
      return { kind: 'param', name, found: there === undefined ? undefined : String(there.value) };
    });
}

function isHeld(held: HeldParams, param: RunParam): boolean {
  const [there, wanted] = [held.get(param.name), heldOf(param)];
  return there !== undefined && there.type === wanted.type && there.value === wanted.value;
}

function heldOf({ value }: RunParam): HeldParam {
  if (value === null) return { type: 'null', value: null };
  const type =
    typeof value === 'bigint' ? 'integer' : typeof value === 'number' ? 'float' : typeof value === 'boolean' ? 'boolean' : 'text';
  return { type, value: Object.is(value, -0) ? '-0' : String(value) };
}
