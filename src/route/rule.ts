import { KINDS } from '../model/index.ts';
import type { Assignment } from './assign.ts';

/** What `needs` can ask for: kinds, and what is reported about a tracker as a whole. */
export const NEEDS = [...KINDS, 'visualization', 'collaboration', 'artifacts', 'registry'] as const;

/**
 * One entry of `routes`: what it is about, and what it says of that. Rules hold in their order, each narrowing what
 * the ones before it left.
 */
export interface RouteRule {
  /** Its place in the configuration, for messages. */
  readonly location: string;
  /** Globs of runs' paths; all runs by default. */
  readonly runs?: readonly string[];
  /** Patterns of tags, kinds of series; all series by default. A rule without either is about whole runs. */
  readonly tags?: readonly string[];
  readonly kinds?: readonly string[];
  /** Lanes that the rule is about; all by default. */
  readonly on?: readonly string[];

  /** These lanes and no others. */
  readonly lanes?: readonly string[];
  /** All lanes but these. */
  readonly except?: readonly string[];
  /** Lanes that have all of this, and the base lane. */
  readonly needs?: readonly string[];
  readonly base?: string;
  readonly assign?: Assignment;
  /** No lane. */
  readonly drop?: boolean;
  /** The tag in trackers: a template of the captures of `tags`, `{tag}` and `{run}`. */
  readonly rename?: string;
  /** Only points whose step is a multiple of this. */
  readonly every?: number;
}
