/** Params, files, models and datasets that belong to a tracker run, and data there that others wrote. */
import type { RunRef } from '../model/index.ts';
import type { Handle } from './parcel.ts';

/** A param from a file next to the event files, flattened: `optimizer.lr`. */
export interface RunParam {
  readonly name: string;
  /** As in the file: an integer is a bigint, so `3` and `3.0` stay different. */
  readonly value: string | number | bigint | boolean | null;
}

/** The result for one param. */
export type ParamOutcome =
  | { readonly kind: 'set' }
  /** The tracker cannot change the param, and keeps its former value. */
  | { readonly kind: 'kept'; readonly value: string }
  | { readonly kind: 'refused'; readonly reason: string };

/** A file next to the event files, as it was when its content was hashed. */
export interface ArtifactFile {
  /** The path in the tracker run: letters, digits and a few other characters, without `..`, joined by `/`. */
  readonly path: string;
  readonly bytes: number;
  /** SHA-256 of the content, hex. */
  readonly hash: string;
  /** Reads the file from the byte `start` on. Throws if it no longer has the content that was hashed. */
  read(start?: number): AsyncIterable<Uint8Array>;
}

/** The result for a file, a model or a dataset. Failures that may pass are thrown. */
export type ArtifactOutcome =
  | { readonly kind: 'stored'; readonly url?: string }
  /** The tracker has no place for it, or it is too large for the tracker. */
  | { readonly kind: 'unsupported' | 'refused'; readonly reason: string };

/** A param file or an artifact that the tracker refused. */
export interface RefusedFile {
  readonly run: RunRef;
  /** The path, or the tag if it is a text in event files. */
  readonly path: string;
  readonly reason: string;
}

/** The params and files that a tracker run should have. */
export interface WantedArtifacts {
  readonly files: readonly Pick<ArtifactFile, 'path' | 'bytes' | 'hash'>[];
  readonly params: readonly RunParam[];
}

/** A file or a param that is missing or differs. */
export interface ArtifactDifference {
  readonly kind: 'file' | 'param';
  /** The path of the file, or the name of the param. */
  readonly name: string;
  /** The tracker's content, in words or as a value; undefined: nothing. */
  readonly found: string | undefined;
}

/** A tracker run that mirrorboard created, and the params and files it stored there. */
export interface OwnRun {
  readonly handle: Handle;
  /** Paths of files. */
  readonly files: readonly string[];
  /** The names; undefined: not all of them are known. The backend itself knows the params of points (hparams). */
  readonly params: readonly string[] | undefined;
  /** The tags that the configuration gives the run. */
  readonly tags: Readonly<Record<string, string>>;
}

/**
 * Data that did not come from event files, in a place that mirrorboard mirrors to: training code or a person put it
 * there.
 */
export interface Foreign {
  /** `note`: a text about the run; `model`: a version of a registered model that was made from a file of the run. */
  readonly kind: 'run' | 'param' | 'file' | 'tag' | 'note' | 'model';
  /** The path of a file, the first words of a note, or the name. */
  readonly name: string;
  /** The tracker run of ours that it belongs to, for display; undefined: it is itself a run. */
  readonly in?: string;
}

/** One step of a search for foreign data. */
export type ForeignLook =
  | Foreign
  /** A tracker run of ours was searched: this shows the progress. */
  | { readonly kind: 'looked' }
  /** A tracker run that could not be searched: its content is unknown. Others can be searched. */
  | { readonly kind: 'unseen'; readonly in: string; readonly reason: string };

/** A stored file that is a version of a model in the tracker's registry. */
export interface ModelVersion {
  readonly model: string;
  readonly file: Pick<ArtifactFile, 'path' | 'hash'>;
  /** The name of one version of the model. It goes to the version whose file was written last, in any run. */
  readonly alias?: string;
  /** The time when the file was written; missing: unknown, and the version that is registered last gets the alias. */
  readonly writtenAtMs?: number;
  readonly tags: Readonly<Record<string, string>>;
}

/** A file that was used for training. */
export interface Dataset {
  readonly name: string;
  /** The hash of the content, hex. */
  readonly hash: string;
  /** The dataset's place, as a path or an address. */
  readonly source: string;
  /** The dataset's use: `train`. */
  readonly context: string;
}
