/**
 * The complete data of the next send, for the state file: a backend cannot read event files, and the mapping may
 * differ after a restart.
 */
import { createHash } from 'node:crypto';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import type { Intent } from '../../contract/index.ts';
import { MirrorError } from '../../errors.ts';

/** Lines that are about to be sent. */
export interface SendPlan {
  /** The tracker run's id. */
  readonly run: string;
  readonly firstLine: number;
  readonly lines: readonly string[];
  /** The last value of each key, as texts. */
  readonly summary: readonly (readonly [key: string, value: string])[];
}

/** Packs lines into an intent for the state file. */
export function packPlan({ run, firstLine, lines, summary }: SendPlan): Intent {
  const text = Buffer.from(lines.join('\n'));
  const packed = {
    run,
    firstLine,
    count: lines.length,
    sha256: createHash('sha256').update(text).digest('hex'),
    lines: deflateRawSync(text, { level: 1 }).toString('base64'),
    summary,
  };
  return JSON.stringify(packed) as Intent;
}

/** Unpacks an intent. Throws if its checksum does not match. */
export function unpackPlan(intent: Intent): SendPlan {
  const { run, firstLine, count, sha256, lines, summary } = JSON.parse(intent) as Record<string, unknown>;
  const text = inflateRawSync(Buffer.from(String(lines), 'base64'));
  if (createHash('sha256').update(text).digest('hex') !== sha256) {
    throw new MirrorError('MB9001', `the lines for the W&B run ${run} differ from those recorded before sending`);
  }
  return {
    run: String(run),
    firstLine: Number(firstLine),
    lines: count === 0 ? [] : text.toString('utf8').split('\n'),
    summary: summary as SendPlan['summary'],
  };
}

/** Returns only the range of lines, without unpacking them. */
export function rangeOf(intent: Intent): Pick<SendPlan, 'run' | 'firstLine'> & { readonly count: number } {
  const { run, firstLine, count } = JSON.parse(intent) as { run: string; firstLine: number; count: number };
  return { run, firstLine, count };
}
