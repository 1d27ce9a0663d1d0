/**
 * Keeps what `verify` found in a lane, next to its verdict: rows of `meta`, which states of all versions can have.
 */
import { type Json, jsonText } from '../model/index.ts';
import type { Statements } from './statements.ts';

/** What a comparison found, within limits: the caller sets them. */
export interface VerifyReport {
  /** The sums of the comparison, as `verify --json` has them. */
  readonly totals: Json;
  /** The first differences, as the lines of `verify --report`. */
  readonly differences: readonly Json[];
  /** The number of differences that are not among them. */
  readonly leftOut: number;
  /** The runs with differences, and how many each has. */
  readonly runs: readonly { readonly root: string; readonly run: string; readonly differences: number }[];
}

/** Returns the key of `meta` for a lane's report. */
export function reportKey(name: string, target: string): string {
  return JSON.stringify(['verify_report', name, target]);
}

/** Returns the text that is kept of a report. */
export function reportText({ totals, differences, leftOut, runs }: VerifyReport): string {
  return jsonText({ totals, differences, left_out: leftOut, runs: runs.map((each) => ({ ...each })) });
}

/** Returns the report of a lane; undefined if there is none, or if it is not valid. */
export function readReport(statements: Statements, name: string, target: string): VerifyReport | undefined {
  const row = statements.get('SELECT value FROM meta WHERE key = ?', reportKey(name, target));
  if (row === undefined) return undefined;
  const kept = statements.parse<Partial<Record<'totals' | 'differences' | 'left_out' | 'runs', unknown>> | null>(row.value);
  if (kept === null || typeof kept !== 'object') return undefined;
  const { totals = null, differences, left_out: leftOut, runs } = kept;
  if (!Array.isArray(differences) || typeof leftOut !== 'number' || !Array.isArray(runs)) return undefined;
  const valid = runs.filter(isRunCount);
  return { totals: totals as Json, differences: differences as readonly Json[], leftOut, runs: valid };
}

function isRunCount(each: unknown): each is VerifyReport['runs'][number] {
  const { root, run, differences } = (each ?? {}) as Readonly<Record<string, unknown>>;
  return typeof root === 'string' && typeof run === 'string' && typeof differences === 'number';
}
