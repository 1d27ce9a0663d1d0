/**
 * Which run a tracker run belongs to. One rule for every backend: a tracker run with this run's key (root name and
 * path) belongs to this run
 *
 * 1. if one of the files it names exists and has the record it names. Usually the first records about to be sent
 *    answer that; otherwise the file is read;
 * 2. if it names no file, and this state created it (`instanceId`), or it holds points that are all in the files;
 * 3. but not if another file it names has other content now, and replaced files get a new tracker run
 *    (`replaced: new_run`);
 * 4. and in no other case. Then the name is taken: the run gets a tracker run with a number, and the reason is
 *    reported.
 *
 * So the `runs/` directories of two people never share a tracker run, and a run whose state was lost continues.
 */
import { posix } from 'node:path';
import type { BackendContext, ReadBackChunk, RunFiles, RunSource, Whose } from '../../contract/index.ts';
import { MirrorError } from '../../errors.ts';
import { runLabel } from '../../model/index.ts';
import { FileMarks } from './file-marks.ts';
import { type Fit, pointsFit } from './points-fit.ts';

/** What a tracker run records about its origin. */
export interface RunMark {
  /** Undefined if it does not say. */
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

/** Whether that needs no look into the files. */
export function isPlainlyOwn({ instance, files }: RunMark, { instanceId, fingerprint, leavesReplaced }: RunSource): boolean {
  if (files.isEmpty) return instance === instanceId;
  // A file that is known there by another record may be another one by now: that takes a look.
  if (leavesReplaced === true && fingerprint.some((mark) => files.knows(mark.file) && !files.has(mark))) return false;
  return fingerprint.some((mark) => files.has(mark));
}

/** Whose a tracker run is, and why it is not this run's. */
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

/** True if it names a file that has other content now, if such files get a new tracker run. */
async function isOfReplaced({ files: named }: RunMark, source: RunSource, signal: AbortSignal): Promise<boolean> {
  const { files, fingerprint, leavesReplaced } = source;
  if (leavesReplaced !== true || files?.isReplaced === undefined) return false;
  const sent = FileMarks.of(fingerprint);
  for (const each of named.list()) if (!sent.has(each) && (await files.isReplaced(each, signal))) return true;
  return false;
}

/** The same for backends of packages, in plain words. */
export const whoseRun: BackendContext['whoseRun'] = ({ instanceId, fingerprint, readBack }, source, signal) =>
  isWhoseRun({ mark: { instance: instanceId, files: FileMarks.of(fingerprint) }, readBack }, source, signal);

/** What cannot be read back says nothing of whose it is; a tracker that is away is asked again. */
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
 * The tracker runs that belong to this run, in their order, and why the others do not. Reads nothing if one clearly
 * belongs to it.
 */
export async function sortOut<Run>(
  runs: readonly Run[],
  candidateOf: (run: Run) => Candidate,
  source: RunSource,
  signal: AbortSignal,
): Promise<{ readonly own: readonly Run[]; readonly why: string | undefined }> {
  const plain = runs.filter((run) => isPlainlyOwn(candidateOf(run).mark, source));
  // One of several may hold what a file had before it was replaced, and know others that are the same.
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

/** The name of a run if others already have its name. */
export function numberedName(name: string, others: number): string {
  return others === 0 ? name : `${name} (${others + 1})`;
}

/** Says that a name is taken. `noun`: what the tracker calls a run. */
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
 * The tracker run above one of a study, as its own run: it is known by the files of the runs below it, and holds
 * no points.
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
 * The tracker run that was made to hold those below a run before the run was known, as its own run: by the files
 * that it names, which are those of the runs below, it is judged like any other.
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
