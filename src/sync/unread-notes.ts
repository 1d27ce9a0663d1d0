/** Notes what of each watched root could not be read, for those who ask when the watch has ended. */
import type { LocalBackend } from '../backends/local/index.ts';
import { ALL_RUNS, type DiscoverFact, filterOf, type ResolvedRoot, type RunRules } from '../discover/index.ts';
import type { StateFile } from '../state/index.ts';

/** Which roots are watched, and where notes go. */
interface UnreadNotesOptions {
  readonly roots: ReadonlyMap<string, ResolvedRoot>;
  readonly rules?: RunRules | undefined;
  /** Whether a root does not answer. */
  readonly isSilent: (root: string) => boolean;
  readonly state: Pick<StateFile, 'noteUnread'>;
  readonly local: Pick<LocalBackend, 'noteUnread'> | undefined;
}

const GONE = 'it does not exist';

/** What of each root could not be read. */
export class UnreadNotes {
  readonly #options: UnreadNotesOptions;
  /** As it was noted last, by root. */
  readonly #noted = new Map<string, string | undefined>();

  constructor(options: UnreadNotesOptions) {
    this.#options = options;
  }

  /** A scan is over. That all of a root could be read, only a scan of all of it can say. */
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
