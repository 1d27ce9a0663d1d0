/** The answers of the API that the page reads. docs/api.md describes them. */
import type { ExactNumber } from '../../model/short-text.ts';

/** The summary of a metric of a run. */
export interface Metric {
  readonly count: number;
  readonly last: ExactNumber | null;
  readonly min: ExactNumber | null;
  readonly max: ExactNumber | null;
}

/** How a lane has a run. */
export interface RunLane {
  readonly name: string;
  readonly state: string;
  readonly points?: number | null;
  /** The run's page in the tracker. */
  readonly url?: string | null;
  readonly verified_at?: string | null;
}

/** A run. */
export interface Run {
  readonly id: string;
  readonly root: string;
  readonly run: string;
  readonly points: number;
  readonly tags: number;
  readonly files: number;
  readonly bytes: number;
  readonly last_step: ExactNumber | null;
  readonly first_wall_time: ExactNumber | null;
  readonly last_wall_time: ExactNumber | null;
  readonly damaged: boolean;
  readonly metrics: Readonly<Record<string, Metric>>;
  readonly params: Readonly<Record<string, unknown>>;
  readonly lanes?: readonly RunLane[];
  readonly visibility?: Visibility;
}

/** If lists show a run. */
export type Visibility = 'visible' | 'hidden' | 'archived';

/** A page of runs. */
export interface RunPage {
  readonly total: number;
  readonly next: string | null;
  readonly runs: readonly Run[];
}

/** A tag over the selected runs. */
export interface Tag {
  readonly tag: string;
  readonly plugin: string;
  readonly runs: number;
  readonly points: number;
}

/** What changed since an earlier version of the store. */
export interface Changes {
  readonly version: string;
  readonly all: boolean;
  readonly runs: readonly { readonly id: string }[];
}

/** A lane. */
export interface Lane {
  readonly name: string;
  readonly where: string;
  readonly state: string;
  readonly driven: boolean;
  readonly code: string | null;
  readonly reason: string | null;
  readonly remedy: string | null;
  readonly paused: readonly { readonly root: string | null; readonly since: string }[] | null;
  readonly points: number | null;
  readonly refused: number;
  readonly unsupported: number;
  readonly lag_bytes: number | null;
  readonly lag_seconds: number | null;
  readonly lag_since: string | null;
  readonly points_per_second: number | null;
  readonly catch_up_seconds: number | null;
  readonly requests: number | null;
  readonly requests_failed: number | null;
  readonly requests_per_second: number | null;
  readonly next_try_at: string | null;
  readonly stopped_runs: readonly unknown[];
  readonly written_at: string | null;
  readonly written_by: string | null;
  readonly verified_at: string | null;
  readonly verify_differences: number | null;
}

/** Bytes of an event file that cannot be read. */
export interface Damage {
  readonly id: string;
  readonly root: string;
  readonly run: string;
  readonly file: string;
  readonly start: number;
  readonly end: number;
  readonly reason: string;
  readonly detail: string | null;
  readonly pending: boolean;
}

/** One tag of a run. */
export interface Series extends Metric {
  readonly tag: string;
  readonly plugin: string;
  readonly data_class: string;
  readonly display_name: string;
  readonly description: string;
  readonly first_step: ExactNumber | null;
  readonly last_step: ExactNumber | null;
  readonly last_wall_time: ExactNumber | null;
}

/** An event file of a run. */
export interface EventFile {
  readonly name: string;
  readonly bytes: number;
  readonly good_bytes: number;
  readonly records: number;
  readonly generation: number;
}

/** A session start that a writer noted in its event file. */
export interface SessionStart {
  readonly file: string;
  readonly offset: number;
  readonly step: ExactNumber;
  readonly wall_time: ExactNumber;
}

/** Everything about one run. */
export interface RunDetails {
  readonly run: Run;
  readonly series: readonly Series[];
  readonly files: readonly EventFile[];
  readonly damage: readonly Damage[];
  readonly sessions: readonly SessionStart[];
  readonly hparams: Readonly<Record<string, unknown>>;
}
