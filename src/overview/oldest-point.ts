/** The age of the oldest point that a lane lacks, if no process writes to it. */

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

/** A file for which it is not known since when it is behind. */
interface OpenFile {
  readonly place: Directory;
  readonly file: FileBehind;
  /** What is missing is no older; 0 if that is not known before its file is checked. */
  readonly lowMs: number;
  /** When the lane's last process looked last. */
  readonly lookedMs: number;
}

/** Files that are opened at most: of more, when they changed says how old their points are. */
const MOST_OPENED = 50;
const AT_ONCE = 4;
const PATIENCE_MS = 3000;
/** Length and its checksum, before a record's data. */
const HEADER_BYTES = 12;
/** Field 1 of an event, a double: its time. Every writer begins with it. */
const WALL_TIME = 0x09;

/**
 * Since when the oldest point could be seen that is in the files and not in the lane, by the wall clock. What the
 * lane's last process kept of a file holds. Of all else, a point came after the lane was at the end of its file (or
 * that process looked last), and not after the file changed last; between the two, its own time says when.
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
  // The ones that may be oldest are checked first; what cannot be older is not opened.
  open.sort((a, b) => a.lowMs - b.lowMs);
  const signal = AbortSignal.timeout(PATIENCE_MS);
  for (let at = 0; at < open.length; at += AT_ONCE) {
    const few = open.slice(at, at + AT_ONCE);
    const times = await Promise.all(
      few.map(async ({ place, file, lowMs: leastMs, lookedMs }) => {
        if (at >= MOST_OPENED || leastMs >= oldest) return Math.max(leastMs, lookedMs, file.changedMs);
        const [wallMs, madeMs] = await Promise.all([wallTimeAt(place, file, signal), madeAt(place, file)]);
        // It existed when that process ran, and was not missing: it was forgotten since, or included. Only the file
        // knows its age.
        const lowMs = leastMs === 0 && (madeMs === 0 || madeMs >= lookedMs) ? lookedMs : leastMs;
        const highMs = Math.max(lowMs, file.changedMs);
        // A copy may have the times of what it was copied from, and was not there before it was made.
        const earliestMs = Math.max(lowMs, madeMs);
        const latestMs = Math.max(highMs, madeMs);
        return wallMs === undefined || earliestMs === 0 ? latestMs : Math.min(latestMs, Math.max(earliestMs, wallMs));
      }),
    );
    for (const time of times) oldest = Math.min(oldest, time);
  }
  return oldest;
}

/** When the file was made; 0 if its file system does not tell. */
async function madeAt(place: Directory, { name }: FileBehind): Promise<number> {
  const found = await lookAt(place, name).catch(() => undefined);
  return found?.kind === 'file' ? found.madeAtMs : 0;
}

/** The time of the event whose record begins at an offset, in milliseconds; undefined if it cannot be told. */
async function wallTimeAt(place: Directory, { name, offset }: FileBehind, signal: AbortSignal): Promise<number | undefined> {
  try {
    for await (const piece of pieces(place, name, { mostBytes: Infinity, signal, start: offset })) {
      if (piece.length < HEADER_BYTES + 9 || piece[HEADER_BYTES] !== WALL_TIME) return undefined;
      const seconds = piece.readDoubleLE(HEADER_BYTES + 1);
      return Number.isFinite(seconds) ? seconds * 1000 : undefined;
    }
  } catch {
    // It is gone, or hangs: when it changed says enough.
  }
  return undefined;
}
