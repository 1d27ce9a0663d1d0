/** The questions that a store answers, and their answers. All are plain data, so that they can cross threads. */
import type { Visibility } from '../backends/local/index.ts';
import type { Damage, DataClass, Json, RunRef } from '../model/index.ts';

/**
 * The points of a series that are shown. `all`: every point of the files. `tensorboard`: a point whose step is not
 * newer than the previous one drops the points at or after that step, in its own series (as TensorBoard's data server
 * does). `python`: a session start drops the points of the whole run at or after its step (as TensorBoard's Python
 * loader does).
 */
export type Shown = 'all' | 'tensorboard' | 'python';

/** The runs that a question is about: those that meet every condition. Without any condition, all runs. */
export interface RunSelection {
  readonly root?: string;
  readonly runs?: readonly RunRef[];
  /** An expression such as `lr>1e-4 val/loss<0.3 resnet`, see docs/library.md. */
  readonly filter?: string;
  /** Runs that pages list, or not. Default: all. */
  readonly visibility?: readonly Visibility[];
}

/** The series that a question is about: those that meet every condition. A run that does not exist has no series. */
export interface SeriesSelection {
  readonly plugin: string;
  readonly dataClass: DataClass;
  readonly root?: string;
  readonly runs?: readonly RunRef[];
  readonly tags?: readonly string[];
}

/** A request for a few points of each selected series. */
export interface SampleRequest {
  readonly select: SeriesSelection;
  readonly shown?: Shown;
  /** The most points of a series. */
  readonly most?: number;
  /** The most points of all series together, unless `most` is larger. Each series has at least 2. Default 100,000. */
  readonly budget?: number;
}

/** The order of runs. Runs without such a value come last. */
export type RunOrder =
  | { readonly by: 'run' | 'points' | 'firstWallTime' | 'lastWallTime' | 'lastStep'; readonly descending?: boolean }
  | { readonly by: 'metric'; readonly tag: string; readonly of?: MetricValue; readonly descending?: boolean }
  | { readonly by: 'param'; readonly name: string; readonly descending?: boolean };

/** A request for averages of a curve, of all its points: neither the width nor the range changes them. */
export interface Smoothing {
  /** How much a point counts at the next one, between 0 and 1. At twice the usual distance, it is the square. */
  readonly weight: number;
  /** The distances that count. Default `step`. */
  readonly by?: 'step' | 'wallTime';
}

/** The number of a metric: the last value in the files, the smallest, or the largest. */
export type MetricValue = 'last' | 'min' | 'max';

/** A request for curves. */
export interface CurveOptions {
  readonly tags: readonly string[];
  readonly shown?: Shown;
  /** The width in pixels: a series with more points comes as at most `width` buckets. Without it, every point comes. */
  readonly width?: number;
  /** The range of steps, both included. */
  readonly from?: number;
  readonly to?: number;
  /** True to return the place of exact points in the files too. */
  readonly positions?: boolean;
  readonly smooth?: Smoothing;
}

/** Each question by name. */
export type Question =
  | { readonly kind: 'roots' }
  | { readonly kind: 'plugins'; readonly root?: string }
  | {
      readonly kind: 'runs';
      readonly select?: RunSelection;
      readonly order?: RunOrder;
      /** The most runs of a page. Default 1000. */
      readonly limit?: number;
      /** The field `next` of the previous page. */
      readonly after?: string;
      /** The metrics and params to return for each run. */
      readonly metrics?: readonly string[];
      readonly params?: readonly string[];
    }
  | { readonly kind: 'tags'; readonly select?: RunSelection; readonly plugin?: string }
  | { readonly kind: 'series'; readonly run: RunRef }
  | { readonly kind: 'files'; readonly run: RunRef }
  | ({ readonly kind: 'curves'; readonly runs: readonly RunRef[] } & CurveOptions)
  | ({
      readonly kind: 'curvePage';
      readonly select?: RunSelection;
      /** The most runs of a page. Default 1000. */
      readonly limit?: number;
      /** The field `next` of the previous page. */
      readonly after?: string;
      /** The most numbers of the answer: MB5004 if there would be more. Default: no limit. */
      readonly mostNumbers?: number;
    } & CurveOptions)
  | {
      readonly kind: 'values';
      readonly run: RunRef;
      readonly tag: string;
      readonly shown?: Shown;
      /** The most values, the last ones. Default 100. */
      readonly limit?: number;
    }
  | {
      readonly kind: 'valuePage';
      readonly run: RunRef;
      readonly tag: string;
      readonly shown?: Shown;
      /** The most values. Default 100. */
      readonly limit?: number;
      /** The most bytes of values. Default: no limit. */
      readonly mostBytes?: number;
      /** The field `next` of the page after this one. */
      readonly before?: PointPosition;
    }
  | { readonly kind: 'media'; readonly sha256: string }
  | { readonly kind: 'value'; readonly id: number }
  | { readonly kind: 'starts'; readonly root?: string }
  | { readonly kind: 'listing'; readonly select: SeriesSelection }
  | ({ readonly kind: 'samples' } & SampleRequest)
  | ({ readonly kind: 'valueSamples' } & SampleRequest)
  | { readonly kind: 'hparams'; readonly select?: RunSelection }
  | { readonly kind: 'damage'; readonly select?: RunSelection }
  | { readonly kind: 'sessions'; readonly run: RunRef }
  | { readonly kind: 'progress'; readonly runs: readonly RunRef[] }
  | { readonly kind: 'changes'; readonly since?: string };

/** The answer to each question. */
export interface Answers {
  readonly roots: readonly RootSummary[];
  readonly plugins: readonly PluginSummary[];
  readonly runs: RunPage;
  readonly tags: readonly TagSummary[];
  readonly series: readonly SeriesDetails[];
  readonly files: readonly StoredFile[];
  readonly curves: readonly Curve[];
  readonly curvePage: CurvePage;
  readonly values: readonly StoredValue[];
  readonly valuePage: ValuePage;
  /** Undefined if no value of the store has such bytes. */
  readonly media: MediaFile | undefined;
  /** Undefined if the store does not have the value any more. */
  readonly value: StoredValue | undefined;
  readonly starts: readonly RunStart[];
  readonly listing: SeriesListing;
  readonly samples: readonly ScalarSample[];
  readonly valueSamples: readonly ValueSample[];
  readonly hparams: readonly RunParams[];
  readonly damage: readonly DamagedRange[];
  /** In the order of its files; empty if there is no such run. */
  readonly sessions: readonly SessionStart[];
  readonly progress: readonly RunProgress[];
  readonly changes: Changes;
}

/** A log directory. */
export interface RootSummary {
  readonly name: string;
  /** The last path. */
  readonly path: string;
  readonly runs: number;
  readonly points: number;
}

/** The number of series and points of a plugin. */
export interface PluginSummary {
  readonly plugin: string;
  readonly series: number;
  readonly points: number;
}

/** A page of runs. */
export interface RunPage {
  /** The number of selected runs, over all pages. */
  readonly total: number;
  readonly runs: readonly RunSummary[];
  /** The start of the next page; undefined on the last one. */
  readonly next: string | undefined;
}

/** A run in a listing. Times are seconds since 1970. */
export interface RunSummary {
  readonly run: RunRef;
  readonly points: number;
  readonly tags: number;
  readonly files: number;
  /** The bytes of its event files. */
  readonly bytes: number;
  readonly lastStep: number | bigint | null;
  readonly firstWallTime: number | null;
  readonly lastWallTime: number | null;
  /** True if part of its files cannot be read, or is pending. */
  readonly isDamaged: boolean;
  readonly visibility: Visibility;
  /** The requested metrics and params that it has. */
  readonly metrics: Readonly<Record<string, MetricSummary>>;
  readonly params: Readonly<Record<string, Json>>;
}

/** The numbers of a scalar series. `last` is NaN if the last point is NaN; `min` and `max` ignore NaN. */
export interface MetricSummary {
  readonly count: number;
  readonly last: number | bigint | null;
  readonly min: number | null;
  readonly max: number | null;
}

/** A tag over the selected runs. */
export interface TagSummary {
  readonly tag: string;
  readonly plugin: string;
  readonly runs: number;
  readonly points: number;
}

/** A series of a run. */
export interface SeriesDetails extends MetricSummary {
  readonly tag: string;
  readonly plugin: string;
  readonly dataClass: DataClass;
  readonly displayName: string;
  readonly description: string;
  readonly firstStep: number | bigint | null;
  readonly lastStep: number | bigint | null;
  readonly lastWallTime: number | null;
}

/** An event file of a run. */
export interface StoredFile {
  readonly name: string;
  /** Its size when it was last read to its end. */
  readonly bytes: number;
  /** The watermark: reading resumes there. */
  readonly readBytes: number;
  readonly records: number;
  /** Counts from 0; other bytes under the same name begin the next generation. */
  readonly generation: number;
}

/** The scalars of one series. `count`: the number of points shown, in either form. */
export interface Curve {
  readonly run: RunRef;
  readonly tag: string;
  readonly count: number;
  readonly data: ExactPoints | Buckets;
}

/** The curves of a page of runs. */
export interface CurvePage {
  /** The number of selected runs, over all pages. */
  readonly total: number;
  readonly curves: readonly Curve[];
  /** The start of the next page; undefined on the last one. */
  readonly next: string | undefined;
}

/** A page of values, in the order of the files. The first page has the last values. */
export interface ValuePage {
  /** The number of shown values, over all pages. */
  readonly total: number;
  readonly values: readonly StoredValue[];
  /** The end of the page before this one; undefined on the page with the first values. */
  readonly next: PointPosition | undefined;
}

/** The start of a run. */
export interface RunStart {
  readonly run: RunRef;
  /**
   * The wall time of its first event in seconds, as far as the store knows it: the second in the name of its first
   * file, otherwise the earliest wall time of a point. Null for a run without events.
   */
  readonly startTime: number | null;
}

/** The definition of a series by its first value. Several runs may have the same one. */
export interface SeriesDefinition {
  readonly tag: string;
  readonly plugin: string;
  readonly dataClass: DataClass;
  /** The form of the first value in the file, see the view `tags` in docs/schema.md. */
  readonly form: string;
  readonly displayName: string;
  readonly description: string;
  /** The SummaryMetadata message of the first value; empty if there was none. */
  readonly metadata: Uint8Array;
}

/**
 * Selected series by run, each run's in the order of first appearance. The columns have an item for each series.
 * `run` and `definition` are indexes in the lists.
 */
export interface SeriesListing {
  readonly runs: readonly RunRef[];
  readonly definitions: readonly SeriesDefinition[];
  readonly run: Uint32Array;
  readonly definition: Uint32Array;
  readonly lastStep: BigInt64Array;
  readonly lastWallTime: Float64Array;
  /** The largest number of parts of a value (images and their two sizes, clips); 0 for series of other classes. */
  readonly mostParts: Uint32Array;
}

/** A few scalars of a series. The arrays have an item for each point. */
export interface ScalarSample {
  readonly run: RunRef;
  readonly tag: string;
  readonly step: BigInt64Array;
  readonly wallTime: Float64Array;
  /** The values, rounded to doubles. */
  readonly value: Float64Array;
}

/** A few values of a series that holds no scalars. */
export interface ValueSample {
  readonly run: RunRef;
  readonly definition: SeriesDefinition;
  readonly values: readonly StoredValue[];
}

/** Points as they are in the files. The arrays have an item for each point. */
export interface ExactPoints {
  readonly kind: 'exact';
  readonly step: readonly (number | bigint)[];
  readonly wallTime: readonly number[];
  /** Integers that no double holds are bigint. */
  readonly value: readonly (number | bigint)[];
  readonly position?: readonly PointPosition[];
  /** The averages that the question asks for; NaN where the value is NaN or infinite. */
  readonly smoothed?: readonly number[];
}

/** The place of a point: the file of the run, the record's offset in bytes, the index of the value in the record. */
export interface PointPosition {
  readonly file: string;
  readonly offset: number;
  readonly index: number;
}

/** Consecutive points of a series in buckets. The arrays have an item for each bucket. */
export interface Buckets {
  readonly kind: 'buckets';
  readonly count: readonly number[];
  readonly firstStep: readonly number[];
  readonly lastStep: readonly number[];
  readonly firstWallTime: readonly number[];
  readonly lastWallTime: readonly number[];
  /** The smallest number, infinities included; NaN if there are none. */
  readonly min: readonly number[];
  readonly minStep: readonly number[];
  readonly max: readonly number[];
  readonly maxStep: readonly number[];
  readonly last: readonly number[];
  /** The number of points that are NaN. */
  readonly nan: readonly number[];
  /** The mean of the finite values; NaN if there are none. */
  readonly mean: readonly number[];
  /** The number of finite values. */
  readonly finite: readonly number[];
  /** The last average in the bucket, if the question asks for them; NaN if it has no finite value. */
  readonly smoothed?: readonly number[];
}

/** A value of a series that holds no scalars. */
export interface StoredValue {
  /** Its number in this store, for the question `value`. */
  readonly id: number;
  readonly step: number | bigint;
  readonly wallTime: number;
  /** Its form in the file, see the table `object` in docs/schema.md. */
  readonly form: string;
  /** `histogram`, `images`, `audio`, `text`, `pr_curve`, `layout`, `hparams`, `graph`, `tensor`, `malformed`. */
  readonly kind: string;
  /** The value in the form of `export --format json`. */
  readonly value: Json;
  readonly media: readonly StoredMedia[];
  readonly position: PointPosition;
}

/** A file in the media folder. */
export interface MediaFile {
  readonly sha256: string;
  readonly bytes: number;
  /** The path below the media folder. */
  readonly path: string;
}

/** Bytes of a value in the media folder. */
export interface StoredMedia extends MediaFile {
  readonly format: string;
  readonly label: string;
}

/** The hyperparameters of a run, from its last session start. */
export interface RunParams {
  readonly run: RunRef;
  readonly params: Readonly<Record<string, Json>>;
}

/** How far the store is in the files of a run. */
export interface RunProgress {
  readonly run: RunRef;
  /** The bytes of its files when they were last read to their ends, and how many of them are settled. */
  readonly bytes: number;
  readonly readBytes: number;
}

/** Bytes of a file that cannot be read. */
export interface DamagedRange extends Damage {
  readonly run: RunRef;
  readonly file: string;
}

/** A session start that a writer noted in its event file. */
export interface SessionStart {
  readonly file: string;
  readonly offset: number;
  readonly step: number | bigint;
  readonly wallTime: number;
}

/** The changes of the store. */
export interface Changes {
  /** The current version of the store, for the next question. */
  readonly version: string;
  /** The runs that are new or changed since the version in the question; `all` if that is unknown. */
  readonly runs: readonly RunRef[] | 'all';
}
