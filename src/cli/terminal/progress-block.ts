import { clearScreenDown, cursorTo, moveCursor } from 'node:readline';
import stringWidth from 'string-width';
import { RateMeter } from '../../rate-meter.ts';
import type { Progress } from '../../status/index.ts';
import { progressLine, progressLines, type Speed } from './progress-lines.ts';

/** Where progress goes: standard error, always; standard output is for data. */
export type ProgressStream = NodeJS.WritableStream & { cork?(): void; uncork?(): void };

/** Where progress is shown. */
interface ProgressBlockOptions {
  readonly stream: ProgressStream;
  /** Milliseconds of any clock. */
  readonly now: () => number;
  /** True if the cursor can be moved: false for pipes, files and TERM=dumb. */
  readonly isTty: boolean;
  /** The current width of the terminal, read for every drawing because people resize their windows. */
  readonly columns: () => number | undefined;
  /** Time between two drawings (at least and by default 100 ms) or two plain lines (by default 10 s). */
  readonly intervalMs?: number;
}

const LEAST_REDRAW_MS = 100;
const PLAIN_INTERVAL_MS = 10_000;
const EARLY_MS = 5;
const DEFAULT_COLUMNS = 80;
/** The rate shown is that of the last seconds; the time left is judged by a longer stretch, or it would jump about. */
const RATE_WINDOW_MS = 5_000;
const LEFT_WINDOW_MS = 30_000;

/**
 * Shows how far a pass is. On a terminal a block of up to four lines that is redrawn in place and gone after
 * `stop()`; elsewhere one line per interval, so nothing at all for a short pass. The timer only asks the clock
 * whether something is due: when writing delays the event loop, a drawing is late or left out, never made up for.
 * It keeps no process alive.
 */
export class ProgressBlock {
  readonly #options: ProgressBlockOptions;
  readonly #intervalMs: number;
  /** What is shown; undefined before `start` and after `stop`. */
  #progress: Progress | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** When it last drew or, before that, started. */
  #drawnAtMs = 0;
  /** Widths of the lines on the screen above the cursor's line and of that line; empty when nothing is drawn. */
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

  /** Writes its own line (a warning, what an interrupt waits for) without mixing it up with the block. */
  print(line: string): void {
    this.#replace([]);
    this.#options.stream.write(`${line}\n`);
    if (this.#options.isTty && this.#progress !== undefined) this.#draw(this.#progress, this.#options.now());
  }

  /** Draws if it is time to. The timer calls it; a loop that leaves timers no room may do so too. */
  tick(): void {
    const progress = this.#progress;
    if (progress === undefined) return;
    const nowMs = this.#options.now();
    this.#measure(progress, nowMs);
    // A wall clock can be set back; the display must not be blocked until it has caught up.
    this.#drawnAtMs = Math.min(this.#drawnAtMs, nowMs);
    // Timers fire a little early by some clocks; waiting for the next one then would halve the pace.
    if (nowMs - this.#drawnAtMs >= this.#intervalMs - EARLY_MS) this.#draw(progress, nowMs);
  }

  #measure(progress: Progress, nowMs: number): void {
    // Before the scan is over nothing is read, and the wait for it says nothing about the pace.
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
    // Corked, so that wiping and drawing reach the terminal together and nothing flickers.
    stream.cork?.();
    if (this.#drawn.length > 0) {
      moveCursor(stream, 0, -this.#rowsAbove());
      cursorTo(stream, 0);
      clearScreenDown(stream);
    }
    if (lines.length > 0) stream.write(lines.join('\n'));
    stream.uncork?.();
    this.#drawn = lines.map((line) => stringWidth(line));
  }

  /** Rows between the block's first row and the cursor: in a window made narrower, old lines take several. */
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
 * Bytes read in this pass; those that were there already cost no time and would make the pace look better than it is.
 */
function readNow({ bytes }: Progress): number {
  return bytes.read - bytes.alreadyThere;
}
