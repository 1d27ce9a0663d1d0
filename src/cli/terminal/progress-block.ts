import { clearScreenDown, cursorTo, moveCursor } from 'node:readline';
import { RateMeter } from '../../rate-meter.ts';
import type { Progress } from '../../status/index.ts';
import { textWidth } from '../../text-width.ts';
import { progressLine, progressLines, type Speed } from './progress-lines.ts';

/** The stream of progress: always standard error; standard output is for data. */
export type ProgressStream = NodeJS.WritableStream & { cork?(): void; uncork?(): void };

/** The options of the progress block. */
interface ProgressBlockOptions {
  readonly stream: ProgressStream;
  /** Returns milliseconds of any clock. */
  readonly now: () => number;
  /** True if the cursor can be moved: false for pipes, files and TERM=dumb. */
  readonly isTty: boolean;
  /** Returns the current width of the terminal. It is read for every drawing, because people resize their windows. */
  readonly columns: () => number | undefined;
  /** The time between two drawings (at least and by default 100 ms) or two plain lines (by default 10 s). */
  readonly intervalMs?: number;
}

const LEAST_REDRAW_MS = 100;
const PLAIN_INTERVAL_MS = 10_000;
const EARLY_MS = 5;
const DEFAULT_COLUMNS = 80;
/**
 * The time windows: the rate shown is that of the last seconds; the time left needs a longer window, because it would
 * jump otherwise.
 */
const RATE_WINDOW_MS = 5_000;
const LEFT_WINDOW_MS = 30_000;

/**
 * Shows the progress of a pass. On a terminal, it is a block of up to four lines that is redrawn in place and
 * disappears after `stop()`. Elsewhere it is one line per interval, so nothing at all for a short pass. The timer
 * only asks the clock if a drawing is due: if the event loop is busy, a drawing is late or left out, never repeated.
 * The timer keeps no process alive.
 */
export class ProgressBlock {
  readonly #options: ProgressBlockOptions;
  readonly #intervalMs: number;
  /** The progress to show; undefined before `start` and after `stop`. */
  #progress: Progress | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** The time of the last drawing or, before that, of the start. */
  #drawnAtMs = 0;
  /** The widths of the lines on the screen above the cursor's line and of that line; empty if nothing is drawn. */
  #drawn: readonly number[] = [];
  #points = new RateMeter(LEFT_WINDOW_MS);
  #bytes = new RateMeter(LEFT_WINDOW_MS);

  constructor(options: ProgressBlockOptions) {
    this.#options = options;
    const { isTty, intervalMs = isTty ? LEAST_REDRAW_MS : PLAIN_INTERVAL_MS } = options;
    this.#intervalMs = Math.max(LEAST_REDRAW_MS, intervalMs);
  }

  start(progress: Progress): void {
    this.stop();
    this.#progress = progress;
    this.#drawnAtMs = this.#options.now();
    this.#points = new RateMeter(LEFT_WINDOW_MS);
    this.#bytes = new RateMeter(LEFT_WINDOW_MS);
    this.#measure(progress, this.#drawnAtMs);
    this.#timer = setInterval(() => this.tick(), Math.min(this.#intervalMs, 500));
    this.#timer.unref();
  }

  /** Clears the block; the summary takes its place. May be called at any time, and twice. */
  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#progress = undefined;
    this.#replace([]);
  }

  /** Writes a line of its own (a warning, the reason that an interrupt waits) without mixing it with the block. */
  print(line: string): void {
    this.#replace([]);
    this.#options.stream.write(`${line}\n`);
    if (this.#options.isTty && this.#progress !== undefined) this.#draw(this.#progress, this.#options.now());
  }

  /** Draws if it is time. The timer calls it; a loop that leaves timers no room may call it too. */
  tick(): void {
    const progress = this.#progress;
    if (progress === undefined) return;
    const nowMs = this.#options.now();
    this.#measure(progress, nowMs);
    // The wall clock may be set back; that must not block the display until the clock has caught up.
    this.#drawnAtMs = Math.min(this.#drawnAtMs, nowMs);
    // Timers fire a little early by some clocks; a wait for the next one would halve the pace.
    if (nowMs - this.#drawnAtMs >= this.#intervalMs - EARLY_MS) this.#draw(progress, nowMs);
  }

  #measure(progress: Progress, nowMs: number): void {
    // Nothing is read before the scan is over, and the wait for it says nothing about the pace.
    if (progress.phase === 'scanning') return;
    this.#points.add(nowMs, progress.points);
    this.#bytes.add(nowMs, readNow(progress));
  }

  #draw(progress: Progress, nowMs: number): void {
    this.#drawnAtMs = nowMs;
    const speed = this.#speed(progress, nowMs);
    if (!this.#options.isTty) {
      this.#options.stream.write(`${progressLine(progress, speed)}\n`);
      return;
    }
    // The last column stays free: some terminals break the line as soon as it is filled.
    this.#replace(progressLines(progress, speed, Math.max(1, this.#columns() - 1)));
  }

  #speed(progress: Progress, nowMs: number): Speed {
    const read = readNow(progress);
    const pace = this.#bytes.perSecond(nowMs, read, LEFT_WINDOW_MS);
    const left = Math.max(0, progress.bytes.total - progress.bytes.read);
    return {
      pointsPerSec: this.#points.perSecond(nowMs, progress.points, RATE_WINDOW_MS),
      bytesPerSec: this.#bytes.perSecond(nowMs, read, RATE_WINDOW_MS),
      leftMs: pace === undefined || pace === 0 || left === 0 ? undefined : (left / pace) * 1000,
    };
  }

  #replace(lines: readonly string[]): void {
    const { stream } = this.#options;
    if (lines.length === 0 && this.#drawn.length === 0) return;
    // Corked, so that clearing and drawing reach the terminal together and nothing flickers.
    stream.cork?.();
    if (this.#drawn.length > 0) {
      moveCursor(stream, 0, -this.#rowsAbove());
      cursorTo(stream, 0);
      clearScreenDown(stream);
    }
    if (lines.length > 0) stream.write(lines.join('\n'));
    stream.uncork?.();
    this.#drawn = lines.map((line) => textWidth(line));
  }

  /**
   * Returns the rows between the block's first row and the cursor: in a window made narrower, old lines take several.
   */
  #rowsAbove(): number {
    const columns = this.#columns();
    return this.#drawn.reduce((rows, width) => rows + Math.max(1, Math.ceil(width / columns)), -1);
  }

  #columns(): number {
    const columns = this.#options.columns();
    return columns === undefined || columns < 1 ? DEFAULT_COLUMNS : columns;
  }
}

/**
 * Returns the bytes read in this pass, without those that were there already: these cost no time and would make the
 * pace look better than it is.
 */
function readNow({ bytes }: Progress): number {
  return bytes.read - bytes.alreadyThere;
}
