/** What the server does wrong with a request. */
export type StubFault =
  /** 429; Retry-After has `afterSec`, as seconds or as a date. */
  | { readonly kind: 'tooMany'; readonly afterSec?: number; readonly asDate?: boolean }
  | { readonly kind: 'status'; readonly status: number }
  /** 500 with the error body of the API, nothing stored. */
  | { readonly kind: 'error' }
  /** 500 with a page of HTML, nothing stored. */
  | { readonly kind: 'html' }
  /** 401, as if the password had been changed. */
  | { readonly kind: 'denied' }
  /** Never answers; `stored`: after it did what was asked. */
  | { readonly kind: 'hang'; readonly stored: boolean }
  /** Ends the connection without an answer; `stored`: after it did what was asked. */
  | { readonly kind: 'close'; readonly stored: boolean }
  /** Stores the first half of a batch, then answers 500. */
  | { readonly kind: 'part' }
  /** Answers as it should, but late. */
  | { readonly kind: 'slow'; readonly ms: number };

interface Rule {
  readonly endpoints: readonly string[] | undefined;
  readonly fault: StubFault;
  left: number;
  readonly isDue: () => boolean;
}

export interface FaultOptions {
  /** Endpoints as they are counted: `runs/log-batch`, `artifacts/put`. Default: all but the health checks. */
  readonly on?: readonly string[];
  /** How often it happens. Default: once, or without end if there is a probability. */
  readonly times?: number;
  /** Of each request, 0 to 1. Default 1. */
  readonly probability?: number;
  /** Of the probabilities: the same seed, the same faults. Default 1. */
  readonly seed?: number;
}

/** Faults by endpoint; the first that is due happens. */
export class FaultRules {
  readonly #rules: Rule[] = [];

  add(fault: StubFault, { on, probability, seed = 1, times = probability === undefined ? 1 : Infinity }: FaultOptions): void {
    const random = probability === undefined ? undefined : mulberry32(seed);
    this.#rules.push({ endpoints: on, fault, left: times, isDue: () => random === undefined || random() < (probability ?? 1) });
  }

  clear(): void {
    this.#rules.length = 0;
  }

  /** Faults that have not happened yet; one without end is none of them. */
  get left(): number {
    return this.#rules.reduce((sum, { left }) => sum + (left === Infinity ? 0 : left), 0);
  }

  next(endpoint: string): StubFault | undefined {
    const rule = this.#rules.find(({ endpoints, left, isDue }) => left > 0 && (endpoints?.includes(endpoint) ?? true) && isDue());
    if (rule === undefined) return undefined;
    rule.left--;
    return rule.fault;
  }
}

/** A small random source that gives the same numbers for the same seed. */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
}
