/**
 * What a backend is: the one interface between the pipeline and a tracker. Known to `deliver`, `verify` and every
 * backend; see docs/architecture.md for how the calls follow each other. Longer than other files: whoever writes a backend reads
 * it from top to bottom, and finds everything here.
 */
import type { MirrorError } from '../errors.ts';
import type { Batch, FileState, RunRef, Series, WrittenPoint } from '../model/index.ts';

/** How a backend holds a kind of values. */
export type Holding = 'native' | 'artifact' | 'none';

/** A backend in facts: what `deliver`, `verify` and the loss table go by, never its name. */
export interface Capabilities {
  /** The backend's type: `mlflow`. */
  readonly name: string;
  /** By plugin name; `other` for tensors and plugins that are not known. */
  readonly holds: Readonly<Record<string, Holding>>;
  readonly limits: Limits;
  /** Whether the same point sent again falls on the same key. */
  readonly replacesByKey: boolean;
  /** What of a point survives, bit for bit. */
  readonly keeps: {
    readonly step: boolean;
    readonly wallTime: boolean;
    readonly nan: boolean;
    /** Default: as `nan`. */
    readonly infinities?: boolean;
    /** Integers that no double holds. Default true. */
    readonly wideIntegers?: boolean;
    readonly negativeZero: boolean;
    /** Two points of one step. */
    readonly repeatedSteps: boolean;
    /** Two points that are the same in tag, step, wall time (as held) and value. */
    readonly equalPoints: boolean;
  };
  readonly caps: { readonly seriesPerRun?: number; readonly pointsPerSeries?: number };
  readonly readBack: 'full' | 'sampled' | 'none';
  /** Commits points and position in one transaction, and answers `positions`. */
  readonly ownsPosition: boolean;
  /** Addresses by line or place: has `prepare` and `resolve`. */
  readonly needsJournal: boolean;
  /** What a tracker is chosen for by a route (`needs:`), beside the kinds it holds. Default: none. */
  readonly features?: readonly Feature[];
}

/** `artifacts`: files of a run; `registry`: models by version; the others as people say them of a tracker. */
export type Feature = 'visualization' | 'collaboration' | 'artifacts' | 'registry';

/** Bounds of what a backend is sent. A batch of one record may be larger than any of them. */
export interface Limits {
  readonly pointsPerSend: number;
  /** Of event files, not of the wire. */
  readonly bytesPerSend: number;
  /** Of how many runs one `send` may have parcels. */
  readonly runsPerSend: number;
  /** Sends under way at the same time; those of one run always follow each other. Default 1. */
  readonly sendsAtOnce?: number;
  /** While a run grows, so long is waited for more of it before it is read. Milliseconds, default 0. */
  readonly gatherMs?: number;
  /** Sends a second, of all runs together. Default: no bound. */
  readonly sendsPerSecond?: number;
}

/** What a backend needs to find a tracker run again: opaque to everybody else, small, without secrets. */
export type Handle = string & { readonly brand: 'Handle' };

/** What leaves for a tracker run: points of one byte range of one file, and the file's whole state once they are accepted. */
export interface Parcel {
  readonly handle: Handle;
  readonly batch: Batch;
  /** Replaces what was noted of the file: generation, watermark, gaps, guard, damage. */
  readonly state: FileState;
}

/**
 * A parcel with the series that the numbers in its batch mean (`series[n].id` is `n`): a tracker keeps no catalogue of ours. Their
 * tags are those of the tracker run: routes may have renamed them. Several runs may go into one tracker run (folding), so that `batch.run`
 * and `batch.file` say where a point comes from, and `target` and `file` where that lies as seen from the tracker run.
 */
export interface TrackerParcel extends Parcel {
  readonly series: readonly Series[];
  /** The run that the tracker run is made for: `batch.run`, or the one it is folded into. Parcels of one target follow each other. */
  readonly target: RunRef;
  /**
   * The file's path below the target's directory: `batch.file`, with the folded sub-directory before it. Journals and read-back
   * name it so.
   */
  readonly file: string;
}

/** A point a backend did not take. */
export interface Refusal {
  readonly offset: number;
  readonly index: number;
  /** `unsupported`: the tracker has no place for it. `refused`: it should, and would not. */
  readonly kind: 'unsupported' | 'refused';
  readonly reason: string;
}

/** What became of one parcel. Accepted means stored: it survives whatever happens next. */
export type Outcome =
  /** `points`: those that are stored. Every other point of the batch is one of `refusals`. */
  | { readonly kind: 'accepted'; readonly points: number; readonly refusals: readonly Refusal[] }
  /** Something of it will never be taken, and it is not known which point: it comes again in halves, at last point by point. */
  | { readonly kind: 'rejected'; readonly error: MirrorError }
  /** Not now. `afterMs`: as the tracker asked. */
  | { readonly kind: 'retry'; readonly afterMs?: number; readonly error: MirrorError }
  /** Nothing more is taken for this run until somebody changes something (the tracker run was deleted). */
  | { readonly kind: 'runFatal'; readonly error: MirrorError }
  /** Nothing more will be taken at all until somebody changes something: the lane is parked. */
  | { readonly kind: 'fatal'; readonly error: MirrorError };

/** A run, where its root lies at the moment, and what its tracker run is to be. */
export interface RunSource {
  readonly run: RunRef;
  readonly rootPath: string;
  /** Hash (hex) of root name and path: by it a tracker run is found again. */
  readonly key: string;
  /** The tracker run's name, as configured. */
  readonly name: string;
  /** Of the experiment or project, as configured; empty: the tracker's own default. */
  readonly group: string;
  readonly tags: Readonly<Record<string, string>>;
  /**
   * The run above this one, where a study has several: trackers that nest runs show it so. With a `handle` it is a run of its
   * own, which is open already; without, one that holds others and nothing else, found or made by its key, with these tags.
   */
  readonly parent?: {
    readonly key: string;
    readonly name: string;
    readonly tags?: Readonly<Record<string, string>>;
    readonly handle?: Handle;
  };
  /** The key of a run that was made to hold others under this one's path, before this one was known: it is this one from now on. */
  readonly holderKey?: string;
  /** The tracker's own id of a run that something else opened: points are added to it; it is not named, tagged or ended by us. */
  readonly joins?: string;
  /** The state's instance id, and of some of the run's files a record with values: whose run a tracker run is (`backend-kit`). */
  readonly instanceId: string;
  readonly fingerprint: readonly FileMark[];
  /** Looks into the files, where that does not tell. Missing: nobody can. */
  readonly files?: RunFiles;
  /** A tracker run that holds what a file had before its content was replaced is not gone on with: this run gets one beside it. */
  readonly leavesReplaced?: boolean;
  /** Made to see what the tracker does, and removed again: what a backend remembers of its tracker is learned again. */
  readonly isTrial?: boolean;
  /** Wall time of the first event that is about to be sent, seconds; undefined where it is not known. */
  readonly startedAt: number | undefined;
}

/** By what an event file is known: one of its records with values, most often the first. */
export interface FileMark {
  /** As seen from the tracker run: `TrackerParcel.file`. */
  readonly file: string;
  /** The record's data checksum, as it stands in the file. */
  readonly checksum: number;
}

/** The event files of a run that is about to be opened, as they lie there. */
export interface RunFiles {
  /** Whether a file is there, named as in a fingerprint, and has a record with values and this checksum. */
  hasRecord(mark: FileMark, signal: AbortSignal): Promise<boolean>;
  /** Whether a file is there that has values, and not this record: its content is another one now. Missing: nobody can tell. */
  isReplaced?(mark: FileMark, signal: AbortSignal): Promise<boolean>;
  /** Every point, under the tag it has in the tracker run, as `readBack` would give it. */
  points(signal: AbortSignal): AsyncIterable<{ readonly tag: string; readonly point: HeldPoint }>;
}

/** A point as a tracker holds it. */
export interface HeldPoint {
  readonly step: number | bigint;
  readonly wallTime: number;
  /** A scalar's number, or the value in its JSON form (`valueJson`, as text). */
  readonly value: number | bigint | string;
}

/** A point as a tracker gives it back. */
export interface ReadBackPoint extends HeldPoint {
  /** Where it came from, if the tracker knows: the file as `TrackerParcel.file` names it. */
  readonly file?: string;
  readonly offset?: number;
  readonly index?: number;
}

/** Points of one series of a tracker run, in any order. */
export interface ReadBackChunk {
  readonly tag: string;
  readonly plugin: string;
  readonly points: readonly ReadBackPoint[];
}

/** What is read back: all of a run by default. */
export interface ReadBackOptions {
  /** Only these tags. */
  readonly isWanted?: (tag: string) => boolean;
  /** Tags that the tracker run may hold, for a tracker that does not list all of its own. */
  readonly tags?: () => Iterable<string>;
  readonly signal?: AbortSignal;
}

/** What a backend that owns its positions knows of a run, without a look at points or series. */
export interface KnownRun {
  readonly files: readonly FileState[];
  readonly points: number;
  readonly tags: number;
  readonly lastStep: number | bigint | null;
}

/** Enough to send the very same lines again: committed to the state before they are sent. */
export type Intent = string & { readonly brand: 'Intent' };

/** One range of lines of a tracker run, and where they came from. */
export interface JournalEntry {
  readonly firstLine: number;
  readonly count: number;
  /** `TrackerParcel.file`. */
  readonly file: string;
  readonly generation: number;
  readonly start: number;
  readonly end: number;
  /** A hash over the records' offsets and checksums: the same bytes in a later generation need not be sent again. */
  readonly hash: string;
  readonly mapping: string;
}

/** What a tracker says of an intent that was committed, and of which the end is not known. */
export type Resolution =
  | { readonly kind: 'accepted' }
  | { readonly kind: 'resend' }
  /** Lines before this one are stored. */
  | { readonly kind: 'from'; readonly line: number }
  | { readonly kind: 'unknown' };

export interface RunEnd {
  readonly status: 'finished' | 'failed';
  /** Wall time of the last event, seconds. */
  readonly endedAt: number;
}

/** A param that stands in a file beside the event files, flattened: `optimizer.lr`. */
export interface SideParam {
  readonly name: string;
  /** As the file has it: an integer of the file is a bigint, so that `3` and `3.0` stay two. */
  readonly value: string | number | bigint | boolean | null;
}

/** What became of a param. */
export type ParamOutcome =
  | { readonly kind: 'set' }
  /** It can't be changed there, and stays what it was. */
  | { readonly kind: 'kept'; readonly value: string }
  | { readonly kind: 'refused'; readonly reason: string };

/** A file beside the event files, as it was when its content was hashed. */
export interface SideFile {
  /** Its place in the tracker run: parts of letters, digits and the like, without `..`, joined by `/`. */
  readonly path: string;
  readonly bytes: number;
  /** SHA-256 of the content, hex. */
  readonly hash: string;
  /** Reads it from a byte on. Throws where it is not the content that was hashed any more. */
  read(start?: number): AsyncIterable<Uint8Array>;
}

/** What became of a file, of a model, of a dataset. What may pass is thrown. */
export type SideOutcome =
  | { readonly kind: 'stored'; readonly url?: string }
  /** The tracker has no place for it, or it is too large for one. */
  | { readonly kind: 'unsupported' | 'refused'; readonly reason: string };

/** What should lie beside the points of a tracker run. */
export interface SideWanted {
  readonly files: readonly Pick<SideFile, 'path' | 'bytes' | 'hash'>[];
  readonly params: readonly SideParam[];
}

/** A file or a param that is not there, or not as it should be. */
export interface SideDifference {
  readonly kind: 'file' | 'param';
  /** The file's path, the param's name. */
  readonly name: string;
  /** What is there instead, in words or as its value; undefined: nothing. */
  readonly found: string | undefined;
}

/** A tracker run of ours, and what was stored beside its points. */
export interface OwnRun {
  readonly handle: Handle;
  /** Paths of files. */
  readonly files: readonly string[];
  /** Names; undefined: not all of them are known. Params of points (hparams) are among the tracker's own, and the backend knows them. */
  readonly params: readonly string[] | undefined;
}

/** Something that a tracker holds where we mirror to, and that did not come from event files: training code or a person put it there. */
export interface Foreign {
  readonly kind: 'run' | 'param' | 'file';
  /** Of a run or param its name, of a file its path. */
  readonly name: string;
  /** The tracker run of ours that it belongs to, for people; undefined: it is a run. */
  readonly in?: string;
}

/** A stored file that is a version of a model in the tracker's registry. */
export interface ModelVersion {
  readonly model: string;
  readonly file: Pick<SideFile, 'path' | 'hash'>;
  readonly alias?: string;
  readonly tags: Readonly<Record<string, string>>;
}

/** A file that was used for training. */
export interface Dataset {
  readonly name: string;
  /** Of the content, hex. */
  readonly hash: string;
  /** Where it lies, as a path or an address. */
  readonly source: string;
  /** What it was used for: `train`. */
  readonly context: string;
}

/** What a look at a tracker found, without writing to it. */
export interface Probe {
  /** The address that was asked, without secrets. */
  readonly address: string;
  readonly version: string | undefined;
  /** The tracker's clock ahead of ours; undefined where it does not tell. */
  readonly clockSkewMs: number | undefined;
  /** What is worth knowing, a sentence each: what can't be stored there, what should be changed. */
  readonly notes: readonly string[];
}

export interface Backend {
  describe(): Capabilities;
  /** Looks whether the tracker is there, lets us in, and has what is needed. Throws what stands in the way. Writes nothing. */
  probe(signal: AbortSignal): Promise<Probe>;
  /**
   * Finds or makes the tracker run of a run. The same handle is given to `open` after a restart: it is checked, and replaced
   * where it leads nowhere any more. Throws; an error of code MB4006 is about this run alone.
   */
  open(run: RunSource, known: Handle | undefined, signal: AbortSignal): Promise<Handle>;
  /**
   * Adds files to the fingerprint of a tracker run that is open: those that had no values yet when it was opened. Missing: the
   * tracker run is known by the files of its opening for ever.
   */
  noteFiles?(handle: Handle, files: readonly FileMark[], signal: AbortSignal): Promise<void>;
  /** One outcome per parcel, in their order. Never throws for what the tracker did. */
  send(parcels: readonly TrackerParcel[], signal: AbortSignal): Promise<readonly Outcome[]>;
  /**
   * Stores something small of every kind that `send` and `putFile` store, beside the points and over what it stored there before,
   * and throws what stands in the way. Asked before anything is given up: where not even that is taken, the tracker is out of
   * order, and it is waited for. Missing: what is refused is refused.
   */
  tryOut?(handle: Handle, signal: AbortSignal): Promise<void>;
  /** All points a tracker run holds now. */
  readBack(handle: Handle, options?: ReadBackOptions): AsyncIterable<ReadBackChunk>;
  /**
   * What `readBack` gives for a point that arrived; undefined: nothing. Default: the point. It is believed only where `describe`
   * admits the difference: a step, time or value that `keeps` does not keep, a kind that `holds` has as `none`.
   */
  asHeld?(tag: string, plugin: string, point: HeldPoint): HeldPoint | undefined;
  /** Says that a run has ended, or (`undefined`) that it goes on after all. */
  finish(handle: Handle, end: RunEnd | undefined, signal: AbortSignal): Promise<void>;
  /** Adds params; params of points (hparams) are among the same. One answer each, in their order. Missing: it has no params. */
  setParams?(handle: Handle, params: readonly SideParam[], signal: AbortSignal): Promise<readonly ParamOutcome[]>;
  /** Stores a file of a run; the same path and content again changes nothing, other content replaces it. Missing: it keeps no files. */
  putFile?(handle: Handle, file: SideFile, signal: AbortSignal): Promise<SideOutcome>;
  /** Makes a stored file a version of a model: once for each content. */
  registerModel?(handle: Handle, version: ModelVersion, signal: AbortSignal): Promise<SideOutcome>;
  /** Says which dataset a run used: once for each content. */
  noteDataset?(handle: Handle, dataset: Dataset, signal: AbortSignal): Promise<SideOutcome>;
  /**
   * Looks whether what `setParams` and `putFile` stored is there still, and names what differs. What is too large to be read back
   * is compared by its length. Missing: nobody can tell, and `verify` leaves it out.
   */
  compareSide?(handle: Handle, wanted: SideWanted, signal: AbortSignal): Promise<readonly SideDifference[]>;
  /**
   * Names what the experiments or projects of these tracker runs hold that was not mirrored: whole runs, and params and files of
   * ours. All handles are given, so that a run that is not among them and bears no mark of a mirror is foreign. Writes nothing.
   * Missing, or undefined (a lane that is offline, a server that lists no runs): nobody can tell.
   */
  foreign?(own: readonly OwnRun[], signal: AbortSignal): Promise<AsyncIterable<Foreign> | undefined>;
  /** Brings to the tracker what was kept aside while the lane was offline: once, when a pass begins. Missing: nothing ever is. */
  catchUp?(signal: AbortSignal): Promise<void>;
  /** Removes a tracker run that was made for a trial. Where it is missing, trials leave theirs behind. */
  remove?(handle: Handle, signal: AbortSignal): Promise<void>;
  /** Where a person looks at a tracker run. */
  link?(handle: Handle): string | undefined;
  close(): Promise<void>;
}

/** The local store, and whoever else keeps position and points together. */
export interface PositionOwner {
  describe(): Capabilities;
  open(run: Pick<RunSource, 'run' | 'rootPath'>): Promise<Handle>;
  /** One outcome per parcel, in their order. */
  send(parcels: readonly Parcel[]): Promise<readonly Outcome[]>;
  readBack(handle: Handle): AsyncIterable<ReadBackChunk>;
  close(): Promise<void>;
  positions(run: RunRef): KnownRun;
  /** What `positions` says of one file, without looking at the others of its run. */
  position(run: RunRef, file: string): FileState | undefined;
  /** Whether it holds these points of a file, at their places. */
  holds?(run: RunRef, file: string, points: readonly WrittenPoint[]): boolean;
  /** The run's series so far, in the order of their numbers. */
  catalogue(run: RunRef): readonly Series[];
  /** The roots it holds runs of, and where each lay last. */
  roots(): readonly KnownRoot[];
  /** Every event file it holds of a root, as it was when it was last read. */
  knownFiles(root: string): Iterable<KnownFile>;
  /**
   * Brings what arrived piece by piece together, for a run that has gone quiet, and drops what the present files hold once more:
   * a part of it, about a tenth of a second, and true while more is left. Changes nothing that can be read.
   */
  compact?(run: RunRef): boolean;
  /** The part of `compact` that drops what files held before they were written anew, where they hold all of that now, too. */
  dropOlder?(run: RunRef): boolean;
  /** Gives back memory that only speed needs. */
  rest?(): void;
  /** Event files it holds of a root whose runs are at or below a path (empty for all). */
  fileCount(root: string, below: string): number;
}

export interface KnownFile {
  readonly run: string;
  readonly name: string;
  readonly size: number;
  readonly stamp: string;
  /** Something of it can't be read, is not whole yet, or is owed. */
  readonly isDamaged: boolean;
  /** Other bytes were mirrored of it before. */
  readonly wasRewritten: boolean;
}

export interface KnownRoot {
  readonly name: string;
  readonly path: string;
}

/**
 * A backend that addresses by line or place, so that a send whose answer was lost can't simply be repeated: what is about to be
 * sent is prepared, the intent committed, then sent, then accepted; after a crash `resolve` says how far it came.
 */
export interface JournalledBackend extends Backend {
  /**
   * The lines parcels will be, as entries of the journal, and what is needed to send the very same again. Sends nothing. What the
   * journal has already is left out: after a crash the position can be behind it.
   */
  prepare(
    parcels: readonly TrackerParcel[],
    journal: readonly JournalEntry[],
  ): Promise<{ readonly intent: Intent; readonly entries: readonly JournalEntry[] }>;
  /** Sends what was prepared; after a crash `parcels` is empty. `fromLine`: lines before it are stored already. One outcome. */
  sendPrepared(intent: Intent, parcels: readonly TrackerParcel[], signal: AbortSignal, fromLine?: number): Promise<readonly Outcome[]>;
  /** What became of an intent that was committed before a crash. */
  resolve(handle: Handle, intent: Intent, signal: AbortSignal): Promise<Resolution>;
}

/** A tracker run that has a run's key, as far as it says whose it is. */
export interface FoundTrackerRun {
  /** `RunSource.instanceId` of whoever made it; undefined where it does not say. */
  readonly instanceId: string | undefined;
  /** What it was given by `open` and `noteFiles`. */
  readonly fingerprint: readonly FileMark[];
  /** All points it holds: asked for only where the rest does not tell. */
  readonly readBack: (signal: AbortSignal) => AsyncIterable<ReadBackChunk>;
}

/** Whose a tracker run is. `why`: what is said of it where its name is taken; goes on from "a run of the same root and path is there,". */
export type Whose = { readonly kind: 'own' } | { readonly kind: 'other'; readonly why: string };

/** What a backend is made with. */
export interface BackendContext {
  /** The lane's name. */
  readonly lane: string;
  /** Environment variables, for those the tracker's own tools know. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Reports what an operator should know, once. */
  readonly warn: (message: string, facts?: Readonly<Record<string, string | number>>) => void;
  /** Whether a tracker run that was found by a run's key is this run's: one rule for all backends, see docs/adding-a-backend.md. */
  readonly whoseRun: (found: FoundTrackerRun, source: RunSource, signal: AbortSignal) => Promise<Whose>;
}

/** A kind of tracker: what `lanes.NAME.type` names, built in or in a package. */
export interface BackendType<Settings = unknown> {
  readonly type: string;
  /**
   * The settings that choose the experiment or project, if there are any; the first takes a name. Where a lane says none of them,
   * the name that holds for all lanes is filled in. One that differs from run to run is not: it comes as `RunSource.group`, and
   * the setting stays away.
   */
  readonly groupKeys?: readonly string[];
  /**
   * Checks a lane's section of the configuration, variables put in, and fills it up from the tracker's own variables. What is
   * wrong is a list of problems, the path relative to the section.
   */
  parse(section: Readonly<Record<string, unknown>>, env: Readonly<Record<string, string | undefined>>): ParsedSettings<Settings>;
  /** Where it leads, without secrets: another target begins at 0. */
  target(settings: Settings): string;
  create(settings: Settings, context: BackendContext): Promise<Backend>;
  /** Switched off by its own settings: the lane is left out, which is said and no failure. Default: never. */
  isOff?(settings: Settings): boolean;
  /** What is kept here and waits for a person to send it on, a command each. Looks at nothing but this machine. */
  waiting?(settings: Settings): readonly string[];
}

export type ParsedSettings<Settings> =
  | {
      readonly kind: 'settings';
      readonly settings: Settings;
      /** For `config show`: each setting as it may be shown, and where it came from (a variable's name, `file` or `default`). */
      readonly shown: readonly { readonly key: string; readonly value: unknown; readonly source: string }[];
    }
  | { readonly kind: 'problems'; readonly problems: readonly SettingProblem[] };

export interface SettingProblem {
  readonly path: readonly (string | number)[];
  /** What was found and what was expected; never a secret. */
  readonly found: string;
  readonly expected: string;
  readonly hint?: string;
  /** Another machine may not have it: a file is missing here. */
  readonly isLocal?: true;
}
