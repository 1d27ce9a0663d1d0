import { type RootRequest, resolveRoots, type UnseenRoots } from '../discover/index.ts';
import { MirrorError } from '../errors.ts';
import { inDirectory, type LinkRules } from '../untrusted/index.ts';

/** What is known when a watch begins. */
interface LateRootsOptions {
  readonly requests: readonly RootRequest[];
  readonly unseen: UnseenRoots;
  /** Roots that have mirrored runs. */
  readonly known: () => Parameters<typeof resolveRoots>[1];
  readonly linksOf?: LinkRules | undefined;
}

/** Whether a root that was scanned is mirrored. `freed`: from now on, though files of it were left out before. */
type Verdict = { readonly kind: 'taken' | 'freed' } | { readonly kind: 'refused'; readonly reason: string };

const TAKEN: Verdict = { kind: 'taken' };

/**
 * Roots that did not exist when the watch began. A root that appears later can be another root under a second name,
 * or a file: each is checked as at a start before anything of it is mirrored. Roots that do not answer are not among
 * them, since a check could hold up everything.
 */
export class LateRoots {
  readonly #options: LateRootsOptions;
  /** The paths that were asked for, by the names of the roots. */
  readonly #late = new Map<string, string>();
  /** Where each root lies, by the path that was asked for: only the one that is checked is looked up again. */
  readonly #places = new Map<string, string>();
  /** Roots with files that were left out. */
  readonly #refused = new Set<string>();

  constructor(options: LateRootsOptions) {
    this.#options = options;
    const { requests, unseen } = options;
    if (unseen.places.size === unseen.silent.size) return;
    for (const [i, { name, path, below }] of this.#resolve(unseen).entries()) {
      const asked = requests[i]?.path ?? '';
      this.#places.set(asked, below === '' ? path : inDirectory(path, below));
      if (unseen.places.has(asked) && !unseen.silent.has(asked)) this.#late.set(name, asked);
    }
  }

  /** Whether files of a root are left out. */
  leavesOut(root: string): boolean {
    if (!this.#late.has(root)) return false;
    if (!this.#refused.has(root) && this.#whyNot(root) !== undefined) this.#refused.add(root);
    return this.#refused.has(root);
  }

  /** A scan found the root. */
  scanned(root: string): Verdict {
    if (!this.#late.has(root)) return TAKEN;
    const reason = this.#whyNot(root);
    if (reason === undefined) return this.#refused.delete(root) ? { kind: 'freed' } : TAKEN;
    this.#refused.add(root);
    return { kind: 'refused', reason };
  }

  /** Why a root cannot be mirrored. One that can is checked no more. */
  #whyNot(root: string): string | undefined {
    const asked = this.#late.get(root) ?? '';
    const places = new Map([...this.#places].filter(([path]) => path !== asked));
    try {
      const own = this.#resolve({ places, silent: new Set(places.keys()) }).find((_, i) => this.#options.requests[i]?.path === asked);
      if (own !== undefined) this.#places.set(asked, own.below === '' ? own.path : inDirectory(own.path, own.below));
      this.#late.delete(root);
      return undefined;
    } catch (error) {
      if (error instanceof MirrorError) return `${error.message} (${error.code})`;
      throw error;
    }
  }

  #resolve(unseen: UnseenRoots): ReturnType<typeof resolveRoots> {
    const { requests, known, linksOf } = this.#options;
    return resolveRoots(requests, known(), linksOf, unseen);
  }
}
