// Appends to the logs of a `watch` step by step, and looks at the watch in between.
import { statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { storeBytes } from '../../src/backends/local/index.ts';
import { count, seconds } from './figures.ts';
import type { Home } from './product.ts';
import { HAS_PROC, type Watching } from './watching.ts';

/** How finely the lag is seen. */
const LOOK_MS = 100;
const LOST_MS = 60_000;

/** What is appended: one step a second. */
export interface Feed {
  readonly steps: number;
  readonly pointsPerStep: number;
  append(step: number): void;
}

/** What a watch made of it; unless another moment is named, a second after the last step. */
export interface Fed {
  readonly points: number;
  readonly lagBytes: number;
  readonly mostLagBytes: number;
  readonly mostLagSeconds: number;
  /** From append to accepted. */
  readonly longestSeconds: number;
  /** Undefined where the kernel does not tell it. */
  readonly cpuSeconds: number | undefined;
  readonly tookSeconds: number;
  readonly storeBytes: number;
  readonly walBytes: number;
  readonly mostWalBytes: number;
}

/** Appends a step a second until the watch has accepted all of them. */
export async function feed(watching: Watching, { steps, pointsPerStep, append }: Feed, { store }: Home): Promise<Fed> {
  const cpuBefore = HAS_PROC ? watching.cpuSeconds() : undefined;
  const began = performance.now();
  const appendedAt: number[] = [];
  const most = { lagBytes: 0, lagSeconds: 0, seconds: 0, walBytes: 0 };
  let accepted = 0;
  let end: Omit<Fed, 'mostLagBytes' | 'mostLagSeconds' | 'longestSeconds' | 'mostWalBytes'> | undefined;
  while (accepted < steps || end === undefined) {
    const now = performance.now();
    if (appendedAt.length < steps && now >= began + appendedAt.length * 1000) {
      append(appendedAt.length);
      appendedAt.push(now);
    }
    const { points, lag_bytes, lag_seconds } = await watching.lane();
    const seenAt = performance.now();
    for (; accepted < appendedAt.length && points >= (accepted + 1) * pointsPerStep; accepted++) {
      most.seconds = Math.max(most.seconds, (seenAt - (appendedAt[accepted] ?? seenAt)) / 1000);
    }
    const walBytes = statSync(`${store}-wal`, { throwIfNoEntry: false })?.size ?? 0;
    most.lagBytes = Math.max(most.lagBytes, lag_bytes);
    most.lagSeconds = Math.max(most.lagSeconds, lag_seconds);
    most.walBytes = Math.max(most.walBytes, walBytes);
    const tookMs = seenAt - began;
    if (end === undefined && tookMs >= steps * 1000) {
      end = {
        points,
        lagBytes: lag_bytes,
        cpuSeconds: cpuBefore === undefined ? undefined : watching.cpuSeconds() - cpuBefore,
        tookSeconds: tookMs / 1000,
        storeBytes: storeBytes(store),
        walBytes,
      };
    }
    if (tookMs > steps * 1000 + LOST_MS) throw new Error(`only ${count(points)} points after ${seconds(tookMs / 1000)}`);
    await sleep(LOOK_MS);
  }
  return {
    ...end,
    mostLagBytes: most.lagBytes,
    mostLagSeconds: most.lagSeconds,
    longestSeconds: most.seconds,
    mostWalBytes: most.walBytes,
  };
}

/** The file's bytes, cut after so many records each; the first piece begins with the version event. */
export function cutBySteps(bytes: Uint8Array, recordsPerStep: number): readonly Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const slices: Uint8Array[] = [];
  let start = 0;
  let records = -1; // the version event is no point
  for (let at = 0; at < bytes.length; ) {
    at += Number(view.getBigUint64(at, true)) + 16;
    if (++records !== recordsPerStep) continue;
    slices.push(bytes.subarray(start, at));
    start = at;
    records = 0;
  }
  return slices;
}
