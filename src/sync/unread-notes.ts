/** Notes what of each watched root could not be read, for commands that ask after the watch has ended. */
import type { LocalBackend } from '../backends/local/index.ts';
import { ALL_RUNS, type DiscoverFact, filterOf, type ResolvedRoot, type RunRules } from '../discover/index.ts';
import type { StateFile } from '../state/index.ts';

/** The roots that are watched, and the places for notes. */
interface UnreadNotesOptions {
  readonly roots: ReadonlyMap<string, ResolvedRoot>;
  readonly rules?: RunRules | undefined;
  /** True if a root does not answer. */
  readonly isSilent: (root: string) => boolean;
  readonly state: Pick<StateFile, 'noteUnread'>;
  readonly local: Pick<LocalBackend, 'noteUnread'> | undefined;
}

const GONE = 'it does not exist';

/** Keeps notes of what could not be read in each root. */
export class UnreadNotes {
  readonly #options: UnreadNotesOptions;
  /** The last note of each root. */
  readonly #noted = new Map<string, string | undefined>();

  constructor(options: UnreadNotesOptions) {
    this.#options = options;
  }

  /** Notes the result of a scan. Only a scan of the whole root can say that everything was readable. */
  rootScanned({ root: name, obstacles, isMissing }: Extract<DiscoverFact, { kind: 'rootScanned' }>): void {
    const { roots, rules = ALL_RUNS, isSilent, state, local } = this.#options;
    const root = roots.get(name);
    const first = obstacles.find(({ isLeft }) => isLeft !== true);
    if (root === undefined || (first === undefined && isMissing && isSilent(name))) return;
    const reason =
      first === undefined ? (isMissing ? GONE : undefined) : first.path === '.' ? first.reason : `${first.path}: ${first.reason}`;
    if (this.#noted.get(name) === reason && this.#noted.has(name)) return;
    const isPart = root.below !== '' || filterOf(rules, root) !== undefined;
    if (reason === undefined && isPart) return;
    this.#noted.set(name, reason);
    state.noteUnread(name, reason);
    local?.noteUnread(root, reason);
  }
}
