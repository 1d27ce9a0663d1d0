/** Finds the age of the oldest point that a lane lacks, if no process writes to it. */

import type { RunRef } from '../model/index.ts';
import { KeptLag, type LaneSnapshot } from '../status/index.ts';
import { type Directory, lookAt, pieces } from '../untrusted/index.ts';
import type { FileBehind } from './plan.ts';

/** A run with files that are ahead of a lane. */
interface RunBehind {
  readonly run: RunRef;
  readonly place: Directory;
  readonly behind: readonly FileBehind[];
}

/** A file that has been behind since an unknown time. */
interface OpenFile {
  readonly place: Directory;
  readonly file: FileBehind;
  /** The earliest time of the missing data; 0 if that is unknown before its file is checked. */
  readonly lowMs: number;
  /** The time at which the lane's last process last checked. */
  readonly lookedMs: number;
}

/** The most files that are opened: for others, the time of their change gives the age of their points. */
const MOST_OPENED = 50;
const AT_ONCE = 4;
const PATIENCE_MS = 3000;
/** The length and its checksum, before a record's data. */
const HEADER_BYTES = 12;
/** Field 1 of an event, a double: its time. Every writer begins with it. */
const WALL_TIME = 0x09;

/**
 * Returns since when the oldest point was visible that is in the files and not in the lane, by the wall clock. Times
 * that the lane's last process kept for a file are used. Any other point came after the lane was at the end of its
 * file (or after that process last checked), and not after the file's last change; between the two, the point's own
 * time decides.
 */
export async function oldestMs(runs: readonly RunBehind[], snapshot: LaneSnapshot | undefined): Promise<number> {
  const kept = snapshot === undefined ? undefined : new KeptLag(snapshot.behind, snapshot.written_ms);
  let oldest = Infinity;
  const open: OpenFile[] = [];
  for (const { run, place, behind } of runs) {
    for (const file of behind) {
      const known = kept?.sinceMs(run, file.name, file.offset, file.changedMs);
      if (known?.isKnown === true) oldest = Math.min(oldest, known.ms);
      else {
        const lookedMs = kept?.notBeforeMs ?? 0;
        const isNew = kept?.isWhole === true && file.offset === 0 && file.notBeforeMs === 0;
        open.push({ place, file, lowMs: isNew ? 0 : Math.max(file.notBeforeMs, lookedMs), lookedMs });
      }
    }
  }
  // The files that may have the oldest points come first; a file that cannot have an older one is not opened.
  open.sort((a, b) => a.lowMs - b.lowMs);
  const signal = AbortSignal.timeout(PATIENCE_MS);
  for (let at = 0; at < open.length; at += AT_ONCE) {
    const few = open.slice(at, at + AT_ONCE);
    const times = await Promise.all(
      few.map(async ({ place, file, lowMs: leastMs, lookedMs }) => {
        if (at >= MOST_OPENED || leastMs >= oldest) return Math.max(leastMs, lookedMs, file.changedMs);
        const [wallMs, madeMs] = await Promise.all([wallTimeAt(place, file, signal), madeAt(place, file)]);
        // The file existed when that process ran, and was not missing: since then it was forgotten, or included. Only
        // the file shows its age.
        const lowMs = leastMs === 0 && (madeMs === 0 || madeMs >= lookedMs) ? lookedMs : leastMs;
        const highMs = Math.max(lowMs, file.changedMs);
        // A copy may have the times of its original, and did not exist before it was made.
        const earliestMs = Math.max(lowMs, madeMs);
        const latestMs = Math.max(highMs, madeMs);
        return wallMs === undefined || earliestMs === 0 ? latestMs : Math.min(latestMs, Math.max(earliestMs, wallMs));
      }),
    );
    for (const time of times) oldest = Math.min(oldest, time);
  }
  return oldest;
}

/** Returns when the file was made; 0 if its file system does not tell. */
async function madeAt(place: Directory, { name }: FileBehind): Promise<number> {
  const found = await lookAt(place, name).catch(() => undefined);
  return found?.kind === 'file' ? found.madeAtMs : 0;
}

/**
 * Returns the time of the event whose record begins at an offset, in milliseconds; undefined if it cannot be read.
 */
async function wallTimeAt(place: Directory, { name, offset }: FileBehind, signal: AbortSignal): Promise<number | undefined> {
  try {
    for await (const piece of pieces(place, name, { mostBytes: Infinity, signal, start: offset })) {
      if (piece.length < HEADER_BYTES + 9 || piece[HEADER_BYTES] !== WALL_TIME) return undefined;
      const seconds = piece.readDoubleLE(HEADER_BYTES + 1);
      return Number.isFinite(seconds) ? seconds * 1000 : undefined;
    }
  } catch {
    // The file is gone, or hangs: the time of its change is enough.
  }
  return undefined;
}
