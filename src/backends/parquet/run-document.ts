import { FileMarks } from '../../backend-kit/identity/index.ts';
import { handleReader, handleText } from '../../backend-kit/index.ts';
import type { Handle, RunEnd, RunSource } from '../../contract/index.ts';
import { MirrorError } from '../../errors.ts';
import { idOf, partitionValue, pathsOf, type RunPlace } from './names.ts';
import { contentOf, type Place } from './place.ts';
import { damagedError } from './table.ts';

/** What is known about a tracker run, in a file of its own. */
export interface RunDocument {
  readonly version: 1;
  readonly run_id: string;
  /** The name in the column `run`. */
  readonly run: string;
  readonly root: string;
  /** The value of the partition `root`. */
  readonly root_partition: string;
  readonly path: string;
  readonly group: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly status: 'running' | RunEnd['status'];
  /** Seconds since 1970; null if there is no such time. */
  readonly started_at: number | null;
  readonly ended_at: number | null;
  /** The state that opened it last, and the files that identify it, each with the checksum of a record. */
  readonly instance: string;
  readonly files: readonly (readonly [file: string, checksum: number])[];
}

/** Packs a tracker run into a handle. */
export function handleOf({ key, number, root }: RunPlace): Handle {
  return handleText({ key, number, root });
}

/** Unpacks a handle. Throws MB9001 if it is not a handle of this backend. */
export const readHandle = handleReader(
  'a run in Parquet files',
  ['key', 'number', 'root'],
  ({ key, number, root }): RunPlace | undefined =>
    isKey(key) && Number.isSafeInteger(number) && isPartition(root) ? { key, number: number as number, root } : undefined,
);

/** Returns a tracker run by its id, as a configuration may name it; undefined if the text is no id. */
export function runOfId(id: string): Pick<RunPlace, 'key' | 'number'> | undefined {
  const [, key, number] = /^([0-9a-f]{8,64})-([1-9]\d{0,8})$/.exec(id) ?? [];
  return key === undefined ? undefined : { key, number: Number(number) };
}

/** Makes the document of a new run. */
export function newDocument(source: RunSource, place: RunPlace, name: string): RunDocument {
  return {
    version: 1,
    run_id: idOf(place),
    run: name,
    root: source.run.root,
    root_partition: place.root,
    path: source.run.path,
    group: source.group,
    tags: source.tags,
    status: 'running',
    started_at: timeOf(source.startedAt),
    ended_at: null,
    instance: source.instanceId,
    files: FileMarks.of(source.fingerprint).pairs(),
  };
}

/** Returns the partition of a run's root. */
export function rootPartition({ run }: RunSource): string {
  return partitionValue(run.root);
}

/** Returns a time as JSON can hold it. */
export function timeOf(seconds: number | undefined): number | null {
  return seconds === undefined || !Number.isFinite(seconds) ? null : seconds;
}

/** Returns the text of a document, as bytes. */
export function documentBytes(document: RunDocument): Uint8Array {
  return Buffer.from(`${JSON.stringify(document, null, 1)}\n`);
}

/** Reads the document of a tracker run; undefined if the run does not exist. */
export async function readDocument(
  place: Place,
  run: Pick<RunPlace, 'key' | 'number'>,
  signal: AbortSignal,
): Promise<RunDocument | undefined> {
  const path = pathsOf(run).document;
  const text = await place.get(path, signal);
  if (text === undefined) return undefined;
  try {
    const document = JSON.parse(text.toString()) as RunDocument;
    if (typeof document.run === 'string' && typeof document.instance === 'string' && isPartition(document.root_partition)) return document;
  } catch {
    // It is damaged either way.
  }
  throw damagedError(path);
}

/** Replaces the document of a tracker run. */
export async function writeDocument(place: Place, run: RunPlace, document: RunDocument, signal: AbortSignal): Promise<void> {
  await place.put(pathsOf(run).document, contentOf(documentBytes(document)), signal);
}

/** Returns the error for a tracker run that does not exist any more. */
export function goneError(place: Place, run: Pick<RunPlace, 'key' | 'number'>): MirrorError {
  return new MirrorError('MB4006', `${place.address} has no run ${idOf(run)} any more`, {
    hint: 'It was removed: mirrorboard mirrors it again, under another id, when it opens the run again.',
    context: { run: idOf(run) },
  });
}

/** True if a value leads to no other folder than a partition. */
function isPartition(value: unknown): value is string {
  return typeof value === 'string' && /^[A-Za-z0-9_.%~-]+$/.test(value);
}

function isKey(value: unknown): value is string {
  return typeof value === 'string' && /^[0-9a-f]{8,64}$/.test(value);
}
