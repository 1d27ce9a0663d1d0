/** Answers a page of curves in one snapshot, within a limit of numbers. */
import { MirrorError } from '../errors.ts';
import { keyOfRun, type RunRef, runLabel } from '../model/index.ts';
import type { Curve, CurveOptions, CurvePage, Question, RunPage } from './questions.ts';

const PER_POINT = 3;
const PER_POSITION = 3;
const PER_BUCKET = 13;

/** The answers that a page consists of. */
interface CurveSources {
  readonly page: (question: Extract<Question, { kind: 'runs' }>) => RunPage;
  readonly curves: (question: Extract<Question, { kind: 'curves' }>) => readonly Curve[];
  readonly has: (run: RunRef) => boolean;
}

/** Returns a page. Throws MB3021 for a run that the store does not have, MB5004 for too many numbers. */
export function curvePage(question: Extract<Question, { kind: 'curvePage' }>, { page, curves, has }: CurveSources): CurvePage {
  const { kind: _, select = {}, limit, after, mostNumbers = Number.POSITIVE_INFINITY, ...options } = question;
  const missing = select.runs?.find((run) => !has(run));
  if (missing !== undefined) {
    throw new MirrorError('MB3021', `the store has no run ${runLabel(missing)}`, { command: 'mirrorboard run list' });
  }
  const { runs, total, next } = page({
    kind: 'runs',
    select,
    metrics: options.tags,
    ...(limit === undefined ? {} : { limit }),
    ...(after === undefined ? {} : { after }),
  });
  const isRange = options.from !== undefined || options.to !== undefined;
  // A range may leave few of many points, so what comes is counted: after each run, before the next one is read.
  let numbers = isRange
    ? 0
    : runs.flatMap(({ metrics }) => Object.values(metrics)).reduce((sum, { count }) => sum + size(count, options), 0);
  checkSize(numbers, mostNumbers, options);
  const found = new Map<string, readonly Curve[]>();
  for (const { run } of runs) {
    const ofRun = curves({ kind: 'curves', runs: [run], ...options });
    found.set(keyOfRun(run), ofRun);
    if (!isRange) continue;
    numbers += ofRun.reduce((sum, { count }) => sum + size(count, options), 0);
    checkSize(numbers, mostNumbers, options);
  }
  return { total, next, curves: runs.flatMap(({ run }) => found.get(keyOfRun(run)) ?? []) };
}

/** Returns the numbers of a curve with so many points. */
function size(points: number, { width, smooth, positions = false }: CurveOptions): number {
  const more = smooth === undefined ? 0 : 1;
  if (width !== undefined && points > width) return width * (PER_BUCKET + more);
  return points * (PER_POINT + more + (positions ? PER_POSITION : 0));
}

function checkSize(numbers: number, most: number, { width }: CurveOptions): void {
  if (numbers <= most) return;
  throw new MirrorError('MB5004', `the answer would have ${numbers} numbers, and the most are ${most}`, {
    hint:
      width === undefined
        ? 'Ask for fewer runs or tags, or for buckets with width=1000.'
        : 'Ask for fewer runs or tags, or a smaller width.',
  });
}
