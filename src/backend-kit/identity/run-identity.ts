/**
 * Decides which run a tracker run belongs to. One rule for every backend: a tracker run with this run's key (root
 * name and path) belongs to this run
 *
 * 1. if one of the files that it names exists and has the named record. Usually the first records about to be sent
 *    answer that; otherwise mirrorboard reads the file;
 * 2. if it names no file, and this state created it (`instanceId`), or it holds points that are all in the files;
 * 3. but not if another file that it names has other content now, and replaced files get a new tracker run
 *    (`replaced: new_run`);
 * 4. and in no other case. Then the name is taken: mirrorboard gives the run a tracker run with a number, and reports
 *    the reason.
 *
 * So the `runs/` directories of two people never share a tracker run, and a run whose state was lost continues.
 */
import { posix } from 'node:path';
import type { BackendContext, ReadBackChunk, RunFiles, RunSource, Whose } from '../../contract/index.ts';
import { MirrorError } from '../../errors.ts';
import { runLabel } from '../../model/index.ts';
import { FileMarks } from './file-marks.ts';
import { type Fit, pointsFit } from './points-fit.ts';

/** The origin that a tracker run records. */
export interface RunMark {
  /** Undefined if the tracker run does not record one. */
  readonly instance: string | undefined;
  readonly files: FileMarks;
}

/** A tracker run that was found by its key. */
export interface Candidate {
  readonly mark: RunMark;
  readonly readBack: (signal: AbortSignal) => AsyncIterable<ReadBackChunk>;
}

const OWN: Whose = { kind: 'own' };
const OF_REPLACED: Whose = { kind: 'other', why: 'with the earlier content of replaced files' };

/** True if the tracker run belongs to this run, and the marks alone prove it, without reading the files. */
export function isPlainlyOwn({ instance, files }: RunMark, { instanceId, fingerprint, leavesReplaced }: RunSource): boolean {
  if (files.isEmpty) return instance === instanceId;
  // A file that the tracker run knows with another record may have been replaced: that needs a look into the files.
  if (leavesReplaced === true && fingerprint.some((mark) => files.knows(mark.file) && !files.has(mark))) return false;
  return fingerprint.some((mark) => files.has(mark));
}

/** Returns which run a tracker run belongs to, and why it is not this one. */
export async function isWhoseRun({ mark, readBack }: Candidate, source: RunSource, signal: AbortSignal): Promise<Whose> {
  if (await isOfReplaced(mark, source, signal)) return OF_REPLACED;
  if (isPlainlyOwn(mark, source)) return OWN;
  const { files } = source;
  if (!mark.files.isEmpty) {
    for (const each of mark.files.list()) if ((await files?.hasRecord(each, signal)) === true) return OWN;
    return { kind: 'other', why: 'made from other files' };
  }
  switch (files === undefined ? 'unknown' : await fitOf(readBack, files, signal)) {
    case 'theirs':
      return OWN;
    case 'unreadable':
      return { kind: 'other', why: 'which does not list its files, and cannot be read back' };
    case 'nothing':
      return { kind: 'other', why: 'created with another state file, with no point to identify it' };
    case 'others':
      return { kind: 'other', why: 'which does not list its files, and has points that these files do not have' };
    default:
      return { kind: 'other', why: 'which does not list its files' };
  }
}

/** True if the tracker run names a file that has other content now, and such files get a new tracker run. */
async function isOfReplaced({ files: named }: RunMark, source: RunSource, signal: AbortSignal): Promise<boolean> {
  const { files, fingerprint, leavesReplaced } = source;
  if (leavesReplaced !== true || files?.isReplaced === undefined) return false;
  const sent = FileMarks.of(fingerprint);
  for (const each of named.list()) if (!sent.has(each) && (await files.isReplaced(each, signal))) return true;
  return false;
}

/** The same check for backends in packages, with plain values. */
export const whoseRun: BackendContext['whoseRun'] = ({ instanceId, fingerprint, readBack }, source, signal) =>
  isWhoseRun({ mark: { instance: instanceId, files: FileMarks.of(fingerprint) }, readBack }, source, signal);

/**
 * Compares the points with the files. A run that cannot be read back proves nothing; if the tracker is unreachable,
 * this throws, and mirrorboard asks again later.
 */
async function fitOf(readBack: Candidate['readBack'], files: RunFiles, signal: AbortSignal): Promise<Fit | 'unreadable'> {
  try {
    return await pointsFit(readBack(signal), files, signal);
  } catch (error) {
    const isAboutRun = error instanceof MirrorError && error.retry === 'never' && ['MB4005', 'MB4006'].includes(error.code);
    if (!isAboutRun || signal.aborted) throw error;
    return 'unreadable';
  }
}

/**
 * Returns the tracker runs that belong to this run, in their order, and why the others do not. Reads no files if one
 * clearly belongs to it.
 */
export async function sortOut<Run>(
  runs: readonly Run[],
  candidateOf: (run: Run) => Candidate,
  source: RunSource,
  signal: AbortSignal,
): Promise<{ readonly own: readonly Run[]; readonly why: string | undefined }> {
  const plain = runs.filter((run) => isPlainlyOwn(candidateOf(run).mark, source));
  // With several, one may hold the content of a file before it was replaced, and also know files that did not change.
  if (plain.length === 1 || (plain.length > 0 && source.leavesReplaced !== true)) return { own: plain, why: undefined };
  const own: Run[] = [];
  let why: string | undefined;
  for (const run of runs) {
    const verdict = await isWhoseRun(candidateOf(run), source, signal);
    if (verdict.kind === 'own') own.push(run);
    else why ??= verdict.why;
  }
  return { own, why };
}

/** Returns the name of a run, with a number if others already have its name. */
export function numberedName(name: string, others: number): string {
  return others === 0 ? name : `${name} (${others + 1})`;
}

/** Warns that a name is taken. `noun`: the tracker's word for a run. */
export function warnNameTaken(warn: BackendContext['warn'], source: RunSource, name: string, why: string | undefined, noun = 'run'): void {
  const run = runLabel(source.run);
  warn(`${run} is mirrored as ${name}: a ${noun} of the same root and path exists, ${why ?? 'made from other files'}`, {
    hint:
      OF_REPLACED.kind === 'other' && why === OF_REPLACED.why
        ? 'Set `replaced: same_run` to continue that run.'
        : 'Give the root a different name (NAME=PATH) to keep the two apart.',
    run,
  });
}

/**
 * Returns the source of the tracker run above one of a study, as a run of its own: the files of the runs below it
 * identify it, and it holds no points.
 */
export function parentSource({ parent, files, holderKey: _, leavesReplaced: __, ...child }: RunSource): RunSource | undefined {
  if (parent === undefined) return undefined;
  const { root, path } = child.run;
  return {
    ...child,
    run: { root, path: parent.name },
    key: parent.key,
    name: parent.name,
    tags: parent.tags ?? {},
    fingerprint: child.fingerprint.map(({ file, checksum }) => ({ file: posix.join(path, file), checksum })),
    ...(files === undefined
      ? {}
      : {
          files: {
            hasRecord: ({ file, checksum }, signal) => files.hasRecord({ file: posix.relative(path, file), checksum }, signal),
            points: async function* () {},
          },
        }),
  };
}

/**
 * Returns the source of the tracker run that was made to hold those below a run, before that run was known, as a run
 * of its own. It names the files of the runs below, and these identify it like any other run.
 */
export function holderSource({ holderKey, files, parent: _, ...own }: RunSource): RunSource | undefined {
  if (holderKey === undefined) return undefined;
  const { path } = own.run;
  return {
    ...own,
    key: holderKey,
    fingerprint: [],
    ...(files === undefined
      ? {}
      : {
          files: {
            hasRecord: ({ file, checksum }, signal) => files.hasRecord({ file: posix.relative(path, file), checksum }, signal),
            points: async function* () {},
          },
        }),
  };
}
