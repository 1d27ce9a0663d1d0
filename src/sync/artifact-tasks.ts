/** Decides what to do with a file next to event files, by the rules for params and artifacts. */
import {
  type ArtifactCandidate,
  type ArtifactRule,
  type ArtifactRules,
  type ArtifactSource,
  changed,
  DEFAULT_MOST_BYTES,
  hashFile,
  MOST_TEXT_BYTES,
  type ParamRule,
  readParams,
  safePath,
} from '../artifacts/index.ts';
import type { Handle } from '../contract/index.ts';
import { MirrorError, systemCode } from '../errors.ts';
import { sha256Of } from '../model/index.ts';
import { fillTemplate, matcher, Pattern } from '../pattern/index.ts';
import type { ArtifactResult } from '../state/index.ts';
import { readWhole } from '../untrusted/index.ts';
import type { ArtifactUpload, StorePlan } from './artifact-upload.ts';
import type { SyncedRun } from './synced-run.ts';

/**
 * A file whose reported size is much larger than its space on the disk is empty, not large. From this size (bytes)
 * on, such a file is left out.
 */
const SPARSE_BYTES = 64 * 1024 * 1024;
const SPARSE_RATIO = 64;
/** One file, and the task for it. */
export interface ArtifactTask {
  readonly candidate: ArtifactCandidate;
  /** The task as a text: when the text changes, the task is done again. */
  readonly rule: string;
  /** The reason why the file is left out, decided before anything is read. */
  readonly refused: string | undefined;
  /** True if each content of the file counts, also those on the way to a longer one. */
  readonly isEachKept: boolean;
  /** Reads as much of the file as its hash needs, and returns how to upload it. */
  readonly load: (source: ArtifactSource) => Promise<Loaded>;
}

interface Loaded {
  readonly hash: string;
  /** Uploads the file. `isAgain`: it was refused before, so no further check is needed. */
  readonly act: (handle: Handle, isAgain: boolean) => Promise<ArtifactResult>;
}

type Compiled<Rule> = Rule & { readonly patterns: readonly Pattern[] };

/** The rules of a lane, and what they need. */
interface ArtifactTasksOptions {
  readonly rules: ArtifactRules;
  readonly upload: ArtifactUpload;
  /** True if a file was written while a run was. `levels`: how far above the run the file is. */
  readonly isOwner: (run: SyncedRun, levels: number, changedAtMs: number) => boolean;
  readonly signal: AbortSignal;
}

/** Makes tasks from files by the rules. */
export class ArtifactTasks {
  /** Patterns of the files to search for. */
  readonly patterns: readonly Pattern[];
  readonly #options: ArtifactTasksOptions;
  readonly #params: readonly Compiled<ParamRule>[];
  readonly #artifacts: readonly Compiled<ArtifactRule>[];

  constructor(options: ArtifactTasksOptions) {
    const { rules } = options;
    this.#options = options;
    this.#params = rules.params.map(compiled);
    this.#artifacts = rules.artifacts.map(compiled);
    this.patterns = [...this.#params, ...this.#artifacts].flatMap(({ patterns }) => patterns);
  }

  /** Returns the tasks for one file. */
  of(run: SyncedRun, candidate: ArtifactCandidate): ArtifactTask[] {
    const { signal, upload } = this.#options;
    const { path, bytes } = candidate;
    const tasks: ArtifactTask[] = [];
    for (const rule of this.#params) {
      if (matchOf(rule, path) === undefined) continue;
      const load: ArtifactTask['load'] = async (source) => {
        const content = await contentOf(source, candidate.stamp, signal);
        const act: Loaded['act'] = async (handle, isAgain) =>
          upload.setParams(handle, await readParams(content, path, rule.prefix), isAgain);
        return { hash: sha256Of(content), act };
      };
      const refused = candidate.refused ?? whyTooLarge(bytes, MOST_TEXT_BYTES);
      tasks.push({ candidate, rule: JSON.stringify({ params: rule.prefix }), refused, isEachKept: true, load });
    }
    for (const rule of this.#artifacts) {
      const captures = matchOf(rule, path);
      if (captures === undefined || (rule.runs !== undefined && !matcher(rule.runs)(run.target.path))) continue;
      const levels = levelsAbove(path);
      if (rule.once === true && levels > 0 && !this.#options.isOwner(run, levels, candidate.changedAtMs)) continue;
      const values = { ...captures, path, file: path.split('/').at(-1) ?? path };
      const to = safePath(fillTemplate(placeOf(rule), values));
      const model = rule.registerModel === undefined ? undefined : fillTemplate(rule.registerModel, values);
      const plan: StorePlan = { to, model, alias: rule.alias, modelTags: rule.modelTags, dataset: rule.dataset };
      const load: ArtifactTask['load'] = async (source) => {
        const hash = await hashFile(source, signal);
        const written = { hash, writtenAtMs: candidate.changedAtMs };
        return { hash, act: (handle, isAgain) => upload.store(handle, source, written, plan, isAgain) };
      };
      const refused = candidate.refused ?? whyTooLarge(bytes, rule.mostBytes ?? DEFAULT_MOST_BYTES) ?? whySparse(candidate);
      const isEachKept = model !== undefined || rule.dataset !== undefined;
      tasks.push({ candidate, rule: JSON.stringify(plan), refused, isEachKept, load });
    }
    return tasks;
  }
}

/** Reads all bytes of a small file, if its length and time are still those of the check. */
async function contentOf(source: ArtifactSource, stamp: string, signal: AbortSignal): Promise<Buffer> {
  try {
    const read = await readWhole(source.directory, source.path, { mostBytes: MOST_TEXT_BYTES, signal });
    if (read.content.length === source.bytes && read.stamp === stamp) return read.content;
  } catch (error) {
    if ((error instanceof MirrorError && error.code !== 'MB2030') || systemCode(error) === 'ENOENT') throw changed(source, error);
    throw error;
  }
  throw changed(source);
}

function whyTooLarge(bytes: number, most: number): string | undefined {
  return bytes > most ? `it has ${bytes} bytes, and at most ${most} are read` : undefined;
}

function whySparse({ bytes, diskBytes }: ArtifactCandidate): string | undefined {
  if (diskBytes === undefined || bytes < SPARSE_BYTES || diskBytes * SPARSE_RATIO >= bytes) return undefined;
  return `it is sparse: of its ${bytes} bytes ${diskBytes} are on the disk`;
}

function compiled<Rule extends { readonly files: readonly string[] }>(rule: Rule): Compiled<Rule> {
  return { ...rule, patterns: rule.files.map((glob) => new Pattern(glob)) };
}

function levelsAbove(path: string): number {
  return path.split('/').findIndex((part) => part !== '..');
}

/** Returns the artifact path of a file. `models/` is a folder, as in trackers' own clients. */
function placeOf({ to = '{path}' }: ArtifactRule): string {
  return to.endsWith('/') ? `${to}{file}` : to;
}

function matchOf({ patterns }: { readonly patterns: readonly Pattern[] }, path: string): Readonly<Record<string, string>> | undefined {
  for (const pattern of patterns) {
    const found = pattern.match(path);
    if (found !== undefined) return found;
  }
  return undefined;
}
