import { type RootRequest, resolveRoots, type UnseenRoots } from '../discover/index.ts';
import { MirrorError } from '../errors.ts';
import { inDirectory, type LinkRules } from '../untrusted/index.ts';

/** The roots as they are known when a watch begins. */
interface LateRootsOptions {
  readonly requests: readonly RootRequest[];
  readonly unseen: UnseenRoots;
  /** Roots that have mirrored runs. */
  readonly known: () => Parameters<typeof resolveRoots>[1];
  readonly linksOf?: LinkRules | undefined;
}

/**
 * The decision about a root that was scanned. `freed`: it is mirrored from now on, though some of its files were left
 * out before.
 */
type Verdict = { readonly kind: 'taken' | 'freed' } | { readonly kind: 'refused'; readonly reason: string };

const TAKEN: Verdict = { kind: 'taken' };

/**
 * Roots that did not exist when the watch began. A root that appears later can be another root under a second name,
 * or a file. So mirrorboard checks each as at a start before it mirrors anything. Roots that do not answer are not
 * included, since their check could block everything.
 */
export class LateRoots {
  readonly #options: LateRootsOptions;
  /** The configured paths, by the names of the roots. */
  readonly #late = new Map<string, string>();
  /** The real path of each root, by the configured path: only the root that is checked is resolved again. */
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

  /** True if files of a root are left out. */
  leavesOut(root: string): boolean {
    if (!this.#late.has(root)) return false;
    if (!this.#refused.has(root) && this.#whyNot(root) !== undefined) this.#refused.add(root);
    return this.#refused.has(root);
  }

  /** Decides about a root that a scan found. */
  scanned(root: string): Verdict {
    if (!this.#late.has(root)) return TAKEN;
    const reason = this.#whyNot(root);
    if (reason === undefined) return this.#refused.delete(root) ? { kind: 'freed' } : TAKEN;
    this.#refused.add(root);
    return { kind: 'refused', reason };
  }

  /** Returns the reason why a root cannot be mirrored. A root that can be mirrored is not checked again. */
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
