// What a process takes of the memory over its life.
import { readFileSync } from 'node:fs';

const MIB = 1024 * 1024;

/** Of a life, so much at its start is warm-up. */
const WARM_UP = 0.2;
/** A life that is shorter says nothing about growth. */
const LONG_MS = 5 * 60_000;
/**
 * What may come to the median of the first third: a quarter of it, and 64 MiB. The heap follows the load in steps, and
 * what is known of files and series grows with their number.
 */
const GROWTH = 1.25;
const GROWTH_MIB = 64;
/** More than a watch over a small tree takes on any machine. */
const MOST_MIB = 768;

export interface MemoryReport {
  readonly peakMib: number;
  /** Medians over the first and the last third of the last life, after its warm-up; undefined if that was short. */
  readonly growth: { readonly fromMib: number; readonly toMib: number } | undefined;
}

export class MemorySamples {
  #last: { readonly atMs: number; readonly mib: number }[] = [];
  #peakMib = 0;

  /** Another process from now on. */
  begin(): void {
    this.#last = [];
  }

  /** Looks at a process now; it may have ended. */
  take(pid: number | undefined): void {
    const mib = residentMib(pid);
    if (mib === undefined) return;
    this.#peakMib = Math.max(this.#peakMib, mib);
    this.#last.push({ atMs: performance.now(), mib });
  }

  /** Throws if it was too much, or grew. */
  check(): MemoryReport {
    if (this.#peakMib > MOST_MIB) throw new Error(`a watch took ${this.#peakMib.toFixed(0)} MiB, more than ${MOST_MIB}`);
    const growth = this.#growth();
    if (growth !== undefined && growth.toMib > growth.fromMib * GROWTH + GROWTH_MIB)
      throw new Error(`the memory of a watch grew from ${growth.fromMib.toFixed(0)} to ${growth.toMib.toFixed(0)} MiB`);
    return { peakMib: this.#peakMib, growth };
  }

  #growth(): MemoryReport['growth'] {
    const [from, to] = [this.#last[0]?.atMs ?? 0, this.#last.at(-1)?.atMs ?? 0];
    if (to - from < LONG_MS) return undefined;
    const warmMs = from + (to - from) * WARM_UP;
    const thirdMs = (to - warmMs) / 3;
    const medianOf = (isIn: (atMs: number) => boolean): number => {
      const all = this.#last.filter(({ atMs }) => isIn(atMs)).map(({ mib }) => mib);
      return all.sort((a, b) => a - b)[all.length >> 1] ?? 0;
    };
    return {
      fromMib: medianOf((atMs) => atMs >= warmMs && atMs < warmMs + thirdMs),
      toMib: medianOf((atMs) => atMs > to - thirdMs),
    };
  }
}

/** Undefined if there is no such process, or the system does not say. */
function residentMib(pid: number | undefined): number | undefined {
  try {
    const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return kib === undefined ? undefined : (Number(kib) * 1024) / MIB;
  } catch {
    return undefined;
  }
}
