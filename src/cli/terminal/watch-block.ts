import { clearScreenDown, cursorTo, moveCursor } from 'node:readline';
import { steadyMs } from '../../clock.ts';
import { counted, formatDuration, formatRate } from '../../format.ts';
import { isPending } from '../../model/index.ts';
import { RateMeter } from '../../rate-meter.ts';
import type { LaneProgress, WatchStatus } from '../../status/index.ts';
import { fitText } from './fit-text.ts';
import { laneParts } from './lane-line.ts';
import type { ProgressStream } from './progress-block.ts';
import type { Style } from './style.ts';
import { visibleText } from './visible-text.ts';

/** The stream on which the state of a watch is shown. */
interface WatchBlockOptions {
  readonly stream: ProgressStream;
  readonly isTty: boolean;
  readonly columns: () => number | undefined;
  readonly style: Style;
}

const INTERVAL_MS = 500;

/** The state of a watch, redrawn in place on a terminal: two or three lines. Elsewhere it only passes lines on. */
export class WatchBlock {
  readonly #options: WatchBlockOptions;
  readonly #rate = new RateMeter(30_000);
  #status: WatchStatus | undefined;
  #timer: NodeJS.Timeout | undefined;
  #lines = 0;

  constructor(options: WatchBlockOptions) {
    this.#options = options;
  }

  start(status: WatchStatus): void {
    this.#status = status;
    if (!this.#options.isTty) return;
    this.#timer = setInterval(() => this.#draw(), INTERVAL_MS);
    this.#timer.unref();
    this.#draw();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#wipe();
    this.#status = undefined;
  }

  /** Writes a line of its own above the block. */
  print(line: string): void {
    this.#wipe();
    this.#options.stream.write(`${line}\n`);
    if (this.#options.isTty) this.#draw();
  }

  #draw(): void {
    const status = this.#status;
    if (status === undefined) return;
    const width = (this.#options.columns() || 80) - 1;
    const lines = watchLines(status, this.#rate, steadyMs()).map((line) => fitText(line, width));
    this.#wipe();
    this.#options.stream.write(lines.join('\n'));
    this.#lines = lines.length;
  }

  #wipe(): void {
    if (this.#lines === 0) return;
    moveCursor(this.#options.stream, 0, -(this.#lines - 1));
    cursorTo(this.#options.stream, 0);
    clearScreenDown(this.#options.stream);
    this.#lines = 0;
  }
}

/** Returns the block's lines. */
export function watchLines(status: WatchStatus, rate: RateMeter, nowMs: number): string[] {
  rate.add(nowMs, status.points);
  const roots = [...status.roots];
  const files = roots.reduce((sum, [, root]) => sum + root.files, 0);
  const { absentRoots } = status;
  const isAbsent = (name: string): boolean => absentRoots.some((root) => root.name === name);
  const missing = roots.filter(([name, root]) => root.isMissing && !isAbsent(name)).map(([name]) => name);
  const perSecond = rate.perSecond(nowMs, status.points, 5000) ?? 0;
  const names = roots.map(([name]) => visibleText(name)).join(', ');
  const what = roots.length === 0 ? '(first scan in progress)' : `${counted(files, 'file')} in ${names}`;
  const lines = [
    `Watching ${what}  for ${formatDuration(nowMs - status.startedAtMs)}  ${formatRate(perSecond, 'points')}`,
    ...status.lanes.map((lane) => laneLine(lane, nowMs)),
    ...(status.page === undefined ? [] : [`Page: ${status.page}`]),
  ];
  const damaged = status.damage.filter((damage) => !isPending(damage)).length;
  for (const { name, path, reason } of absentRoots.slice(0, 3)) {
    const why =
      reason === undefined ? `does not exist yet: ${visibleText(path)} (check the path)` : `is not mirrored: ${visibleText(reason)}`;
    lines.push(`root ${visibleText(name)} ${why}`);
  }
  if (absentRoots.length > 3) lines.push(`and ${absentRoots.length - 3} more roots do not exist yet`);
  if (missing.length > 0) lines.push(`waiting for missing roots: ${missing.map((name) => visibleText(name)).join(', ')}`);
  for (const { root, path, sinceMs } of status.silences.slice(0, 3))
    lines.push(`${visibleText(`${root}: ${path}`)} has not answered since ${new Date(sinceMs).toISOString()}`);
  if (damaged > 0) lines.push(`${counted(damaged, 'damaged place')} (mirrorboard inspect shows where)`);
  return lines;
}

function laneLine(lane: LaneProgress, nowMs: number): string {
  const last = lane.acceptedAtMs > 0 ? [`last ${formatDuration(nowMs - lane.acceptedAtMs)} ago`] : [];
  return `${visibleText(lane.name)}: ${[...laneParts(lane), ...last].join('  ')}`;
}
