/** The calls that a tracker must support to be a lane. Start here to write one. */
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

/** The result of `probe`: facts about a tracker, without writing to it. */
export interface Probe {
  /** The address that was probed, without secrets. */
  readonly address: string;
  readonly version: string | undefined;
  /** The time by which the tracker's clock is ahead of ours, in ms; undefined if the tracker does not tell. */
  readonly clockSkewMs: number | undefined;
  /** Notes for the operator, one sentence each: what the tracker cannot store, what should be changed. */
  readonly notes: readonly string[];
}

/**
 * The subject of `tryOut`: everything that `send` stores points in, what `setParams` stores, or what `putFile`
 * stores.
 */
export type TrialKind = 'points' | 'params' | 'files';

/** A tracker as a lane. mirrorboard may repeat every call after a crash, so each must tolerate repetition. */
export interface Backend {
  describe(): Capabilities;
  /**
   * Checks that the tracker answers, accepts our credentials, and has everything that is needed. Throws an error if
   * not. Writes nothing.
   */
  probe(signal: AbortSignal): Promise<Probe>;
  /**
   * Finds or creates the tracker run of a run. After a restart, `known` is the handle that `open` returned before:
   * check it, and return another one if it no longer leads to a run. An error of code MB4006 stops only this run.
   */
  open(run: RunSource, known: Handle | undefined, signal: AbortSignal): Promise<Handle>;
  /**
   * Adds files to the fingerprint of an open tracker run: those that had no values yet when it was opened. If a
   * backend lacks this call, the files of the opening identify the tracker run.
   */
  noteFiles?(handle: Handle, files: readonly FileMark[], signal: AbortSignal): Promise<void>;
  /** Stores parcels. Returns one outcome per parcel, in their order. Never throws because of the tracker. */
  send(parcels: readonly TrackerParcel[], signal: AbortSignal): Promise<readonly Outcome[]>;
  /**
   * Writes something small of a kind, which `readBack`, `compareArtifacts` and `foreign` ignore. Throws if that
   * fails. mirrorboard calls it before it counts anything of that kind as refused: if it throws, the tracker is not
   * working, and the lane waits. It must be a write, because existing data proves nothing. If a backend lacks this
   * call, a refusal is final.
   */
  tryOut?(handle: Handle, kind: TrialKind, signal: AbortSignal): Promise<void>;
  /** Returns all points that a tracker run holds now. */
  readBack(handle: Handle, options?: ReadBackOptions): AsyncIterable<ReadBackChunk>;
  /**
   * Returns what `readBack` returns for a point that was stored; undefined: nothing. Default: the point itself.
   * mirrorboard accepts a difference only if `describe` declares it: a step, time or value that `keeps` does not
   * keep, or a kind that is `none` in `holds`.
   */
  asHeld?(tag: string, plugin: string, point: HeldPoint): HeldPoint | undefined;
  /** Tells the tracker that a run has ended, or (`undefined`) that it continues. */
  finish(handle: Handle, end: RunEnd | undefined, signal: AbortSignal): Promise<void>;
  /**
   * Adds params, including those of points (hparams). Returns one outcome each, in their order. If a backend lacks
   * this call, the tracker has no params.
   */
  setParams?(handle: Handle, params: readonly RunParam[], signal: AbortSignal): Promise<readonly ParamOutcome[]>;
  /**
   * Stores a file of a run. The same path and content again changes nothing; other content replaces it. If a backend
   * lacks this call, the tracker keeps no files.
   */
  putFile?(handle: Handle, file: ArtifactFile, signal: AbortSignal): Promise<ArtifactOutcome>;
  /** Makes a stored file a version of a model, once for each content. */
  registerModel?(handle: Handle, version: ModelVersion, signal: AbortSignal): Promise<ArtifactOutcome>;
  /** Records which dataset a run used, once for each content. */
  noteDataset?(handle: Handle, dataset: Dataset, signal: AbortSignal): Promise<ArtifactOutcome>;
  /**
   * Checks that what `setParams` and `putFile` stored is still there, and returns what differs. Compare a file that
   * is too large to read back by its length. If a backend lacks this call, `verify` skips params and artifacts.
   */
  compareArtifacts?(handle: Handle, wanted: WantedArtifacts, signal: AbortSignal): Promise<readonly ArtifactDifference[]>;
  /**
   * Lists what the experiments or projects of these tracker runs hold that mirrorboard did not write: whole runs, and
   * params, files, tags, notes and versions of models in our runs. `own` has all handles, so a run is foreign if it
   * is not among them and has no mark of a mirror. Writes nothing. If a backend lacks this call, or returns undefined
   * (an offline lane, a server that lists no runs), the answer is unknown.
   */
  foreign?(own: readonly OwnRun[], signal: AbortSignal): Promise<AsyncIterable<ForeignLook> | undefined>;
  /**
   * Uploads data that was buffered while the lane was offline. Called once, when a pass begins. If a backend lacks
   * this call, it never buffers.
   */
  catchUp?(signal: AbortSignal): Promise<void>;
  /** Removes a test run. If a backend lacks this call, test runs stay. */
  remove?(handle: Handle, signal: AbortSignal): Promise<void>;
  /** Returns the address of a tracker run's page. */
  link?(handle: Handle): string | undefined;
  close(): Promise<void>;
}

/** The type of one call, so that a backend need not repeat the contract's signatures. */
export type Call<Name extends keyof Contract, Contract extends Backend = Backend> = NonNullable<Contract[Name]>;
