// Histories that failed, made small: each found a fault of the service, which is mended.
import type { Plan } from './plan.ts';

/** What was wrong, and the history that showed it. */
export const FOUND: readonly { readonly words: string; readonly plan: Plan }[] = [];
