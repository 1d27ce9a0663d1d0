// The Event message, and whole files of it.
import type { WrittenValue } from './values.ts';
import { concat, field, frame } from './wire.ts';

/** The states of a SessionLog; the numbers are those on the wire. */
export const SESSION = { start: 1, stop: 2, checkpoint: 3 } as const;

/**
 * One Event. Missing fields are not written; a message may have any number of the alternatives, though only one is
 * valid.
 */
export interface EventFields {
  /** The seconds since 1970; 0 is not written, as in proto3 writers. Eight bytes keep the payload of a NaN. */
  readonly wallTime?: number | Uint8Array;
  /** The step; 0 is not written, as in proto3 writers. */
  readonly step?: number | bigint;
  readonly fileVersion?: string;
  /** A serialized GraphDef. */
  readonly graphDef?: Uint8Array;
  readonly summary?: readonly WrittenValue[];
  readonly logMessage?: { readonly level?: number; readonly message?: string };
  readonly sessionLog?: { readonly status?: keyof typeof SESSION; readonly checkpointPath?: string; readonly msg?: string };
  readonly taggedRunMetadata?: { readonly tag?: string; readonly runMetadata?: Uint8Array };
  /** A serialized MetaGraphDef. */
  readonly metaGraphDef?: Uint8Array;
  /** source_metadata.writer. */
  readonly sourceWriter?: string;
}

/** Returns the data of one record. */
export function event(fields: EventFields): Uint8Array {
  const { wallTime, step, fileVersion, graphDef, summary, logMessage, sessionLog, taggedRunMetadata, metaGraphDef, sourceWriter } = fields;
  const parts: Uint8Array[] = [];
  // -0 and NaN are written: only a plain 0 is proto3's default.
  if (wallTime !== undefined && !Object.is(wallTime, 0)) parts.push(field(1, 1, wallTime));
  if (step !== undefined && BigInt(step) !== 0n) parts.push(field(2, 0, step));
  if (fileVersion !== undefined) parts.push(field(3, 2, fileVersion));
  if (graphDef) parts.push(field(4, 2, graphDef));
  if (summary) parts.push(field(5, 2, '', ...summary.map((value) => field(1, 2, value))));
  if (logMessage) parts.push(field(6, 2, '', ...number(1, logMessage.level), ...text(2, logMessage.message)));
  if (sessionLog) {
    const status = sessionLog.status === undefined ? undefined : SESSION[sessionLog.status];
    parts.push(field(7, 2, '', ...number(1, status), ...text(2, sessionLog.checkpointPath), ...text(3, sessionLog.msg)));
  }
  if (taggedRunMetadata) parts.push(field(8, 2, '', ...text(1, taggedRunMetadata.tag), ...text(2, taggedRunMetadata.runMetadata)));
  if (metaGraphDef) parts.push(field(9, 2, metaGraphDef));
  if (sourceWriter !== undefined) parts.push(field(10, 2, field(1, 2, sourceWriter)));
  return concat(...parts);
}

/** Returns the event that begins almost every file; `version` defaults to `brain.Event:2`. */
export function versionEvent(wallTime = 1_700_000_000, version = 'brain.Event:2'): Uint8Array {
  return event({ wallTime, fileVersion: version });
}

/** Returns a whole file: the version event, then one record per event. */
export function eventFile(...events: readonly Uint8Array[]): Uint8Array {
  return concat(...[versionEvent(), ...events].map(frame));
}

function number(no: number, value: number | undefined): Uint8Array[] {
  return value === undefined ? [] : [field(no, 0, value)];
}

function text(no: number, value: string | Uint8Array | undefined): Uint8Array[] {
  return value === undefined ? [] : [field(no, 2, value)];
}
