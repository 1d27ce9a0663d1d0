import { KINDS } from '../model/index.ts';
import type { Assignment } from './assign.ts';

/** The values of `needs`: kinds, and features of a tracker as a whole. */
export const NEEDS = [...KINDS, 'visualization', 'collaboration', 'artifacts', 'registry'] as const;

/**
 * An entry of `routes`: a selection and a rule for it. Rules apply in their order; each narrows the result of the
 * rules before it.
 */
export interface RouteRule {
  /** The rule's location in the configuration, for messages. */
  readonly location: string;
  /** Globs of runs' paths; all runs by default. */
  readonly runs?: readonly string[];
  /** Patterns of tags, kinds of series; all series by default. A rule without either is about whole runs. */
  readonly tags?: readonly string[];
  readonly kinds?: readonly string[];
  /** The lanes that the rule is about; all by default. */
  readonly on?: readonly string[];

  /** The only lanes that get it. */
  readonly lanes?: readonly string[];
  /** The lanes that do not get it. */
  readonly except?: readonly string[];
  /** Kinds and features that a lane must have to get it; the base lane always gets it. */
  readonly needs?: readonly string[];
  readonly base?: string;
  readonly assign?: Assignment;
  /** True if no lane gets it. */
  readonly drop?: boolean;
  /** The tag in trackers: a template of the captures of `tags`, `{tag}` and `{run}`. */
  readonly rename?: string;
  /** The lane gets only points whose step is a multiple of this. */
  readonly every?: number;
}
