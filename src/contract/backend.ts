/** What a tracker must do to be a lane. Start here to write one. */
import type {
  ArtifactDifference,
  ArtifactFile,
  ArtifactOutcome,
  Dataset,
  ForeignLook,
  ModelVersion,
  OwnRun,
  ParamOutcome,
  RunParam,
  WantedArtifacts,
} from './artifacts.ts';
import type { Capabilities } from './capabilities.ts';
import type { Outcome } from './outcome.ts';
import type { Handle, TrackerParcel } from './parcel.ts';
import type { FileMark, HeldPoint, ReadBackChunk, ReadBackOptions, RunEnd, RunSource } from './run.ts';

/** What a check of a tracker found, without writing to it. */
export interface Probe {
  /** The address that was asked, without secrets. */
  readonly address: string;
  readonly version: string | undefined;
  /** The tracker's clock ahead of ours; undefined if it does not tell. */
  readonly clockSkewMs: number | undefined;
  /** What is worth knowing, a sentence each: what cannot be stored there, what should be changed. */
  readonly notes: readonly string[];
}

/** What is tried out together: all that `send` stores points in, what `setParams` stores, what `putFile` stores. */
export type TrialKind = 'points' | 'params' | 'files';

/** A tracker as a lane. Every call may be made again after a crash, so each must bear repetition. */
export interface Backend {
  describe(): Capabilities;
  /**
   * Checks that the tracker is there, accepts our credentials, and has what is needed. Throws what is wrong. Writes
   * nothing.
   */
  probe(signal: AbortSignal): Promise<Probe>;
  /**
   * Finds or makes the tracker run of a run. The same handle is given to `open` after a restart: it is checked, and
   * replaced where it leads nowhere any more. Throws; an error of code MB4006 is about this run alone.
   */
  open(run: RunSource, known: Handle | undefined, signal: AbortSignal): Promise<Handle>;
  /**
   * Adds files to the fingerprint of a tracker run that is open: those that had no values yet when it was opened.
   * Missing: the tracker run stays known by the files of its opening.
   */
  noteFiles?(handle: Handle, files: readonly FileMark[], signal: AbortSignal): Promise<void>;
  /** One outcome per parcel, in their order. Never throws for what the tracker did. */
  send(parcels: readonly TrackerParcel[], signal: AbortSignal): Promise<readonly Outcome[]>;
  /**
   * Stores something small of a kind, where `readBack`, `compareArtifacts` and `foreign` skip it, and throws
   * what is wrong. Asked before anything of that kind is given up: where not even that is taken, the tracker
   * is out of order, and it is waited for. What is there already proves nothing: it must be written. Missing: what
   * is refused is refused.
   */
  tryOut?(handle: Handle, kind: TrialKind, signal: AbortSignal): Promise<void>;
  /** All points a tracker run holds now. */
  readBack(handle: Handle, options?: ReadBackOptions): AsyncIterable<ReadBackChunk>;
  /**
   * What `readBack` gives for a point that arrived; undefined: nothing. Default: the point. It is believed only if
   * `describe` admits the difference: a step, time or value that `keeps` does not keep, a kind that `holds` has as
   * `none`.
   */
  asHeld?(tag: string, plugin: string, point: HeldPoint): HeldPoint | undefined;
  /** Says that a run has ended, or (`undefined`) that it continues after all. */
  finish(handle: Handle, end: RunEnd | undefined, signal: AbortSignal): Promise<void>;
  /**
   * Adds params; params of points (hparams) are among the same. One answer each, in their order. Missing: it has no
   * params.
   */
  setParams?(handle: Handle, params: readonly RunParam[], signal: AbortSignal): Promise<readonly ParamOutcome[]>;
  /**
   * Stores a file of a run; the same path and content again changes nothing, other content replaces it. Missing: it
   * keeps no files.
   */
  putFile?(handle: Handle, file: ArtifactFile, signal: AbortSignal): Promise<ArtifactOutcome>;
  /** Makes a stored file a version of a model: once for each content. */
  registerModel?(handle: Handle, version: ModelVersion, signal: AbortSignal): Promise<ArtifactOutcome>;
  /** Says which dataset a run used: once for each content. */
  noteDataset?(handle: Handle, dataset: Dataset, signal: AbortSignal): Promise<ArtifactOutcome>;
  /**
   * Looks whether what `setParams` and `putFile` stored is there still, and names what differs. What is too large to
   * be read back is compared by its length. Missing: nobody can tell, and `verify` leaves it out.
   */
  compareArtifacts?(handle: Handle, wanted: WantedArtifacts, signal: AbortSignal): Promise<readonly ArtifactDifference[]>;
  /**
   * Names what the experiments or projects of these tracker runs hold that was not mirrored: whole runs, and params,
   * files, tags, notes and versions of models of ours. All handles are given, so that a run that is not among them
   * and bears no mark of a mirror is foreign. Writes nothing. Missing, or undefined (a lane that is offline, a server
   * that lists no runs): nobody can tell.
   */
  foreign?(own: readonly OwnRun[], signal: AbortSignal): Promise<AsyncIterable<ForeignLook> | undefined>;
  /**
   * Brings to the tracker what was kept aside while the lane was offline: once, when a pass begins. Missing: nothing
   * ever is.
   */
  catchUp?(signal: AbortSignal): Promise<void>;
  /** Removes a tracker run that was made for a trial. Where it is missing, trials leave theirs behind. */
  remove?(handle: Handle, signal: AbortSignal): Promise<void>;
  /** Where a person checks a tracker run. */
  link?(handle: Handle): string | undefined;
  close(): Promise<void>;
}
