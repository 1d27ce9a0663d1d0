/** Params, files, models and datasets that belong to a tracker run, and what others put there. */
import type { RunRef } from '../model/index.ts';
import type { Handle } from './parcel.ts';

/** A param that is in a file next to the event files, flattened: `optimizer.lr`. */
export interface RunParam {
  readonly name: string;
  /** As the file has it: an integer of the file is a bigint, so that `3` and `3.0` stay two. */
  readonly value: string | number | bigint | boolean | null;
}

/** What happened to a param. */
export type ParamOutcome =
  | { readonly kind: 'set' }
  /** It cannot be changed there, and stays what it was. */
  | { readonly kind: 'kept'; readonly value: string }
  | { readonly kind: 'refused'; readonly reason: string };

/** A file next to the event files, as it was when its content was hashed. */
export interface ArtifactFile {
  /** Its place in the tracker run: parts of letters, digits and the like, without `..`, joined by `/`. */
  readonly path: string;
  readonly bytes: number;
  /** SHA-256 of the content, hex. */
  readonly hash: string;
  /** Reads it from a byte on. Throws where it is not the content that was hashed any more. */
  read(start?: number): AsyncIterable<Uint8Array>;
}

/** What happened to a file, of a model, of a dataset. What may pass is thrown. */
export type ArtifactOutcome =
  | { readonly kind: 'stored'; readonly url?: string }
  /** The tracker has no place for it, or it is too large for one. */
  | { readonly kind: 'unsupported' | 'refused'; readonly reason: string };

/** A file or params beside event files that the tracker was asked to take, and did not. */
export interface RefusedFile {
  readonly run: RunRef;
  /** Of a text in event files its tag. */
  readonly path: string;
  readonly reason: string;
}

/** What should lie beside the points of a tracker run. */
export interface WantedArtifacts {
  readonly files: readonly Pick<ArtifactFile, 'path' | 'bytes' | 'hash'>[];
  readonly params: readonly RunParam[];
}

/** A file or a param that is not there, or not as it should be. */
export interface ArtifactDifference {
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
  /**
   * Names; undefined: not all of them are known. Params of points (hparams) are among the tracker's own, and the
   * backend knows them.
   */
  readonly params: readonly string[] | undefined;
  /** Those that the configuration gives the run. */
  readonly tags: Readonly<Record<string, string>>;
}

/**
 * Something that a tracker holds where we mirror to, and that did not come from event files: training code or a
 * person put it there.
 */
export interface Foreign {
  /** `note`: a text about the run; `model`: a version of a registered model, made of a file of the run. */
  readonly kind: 'run' | 'param' | 'file' | 'tag' | 'note' | 'model';
  /** Of a file its path, of a note its first words, of all else its name. */
  readonly name: string;
  /** The tracker run of ours that it belongs to, for people; undefined: it is a run. */
  readonly in?: string;
}

/** What a look for foreign things comes to, step by step. */
export type ForeignLook =
  | Foreign
  /** A tracker run of ours was looked through: how far the look is. */
  | { readonly kind: 'looked' }
  /** A tracker run that could not be looked through: what is in it is not known. The others can be. */
  | { readonly kind: 'unseen'; readonly in: string; readonly reason: string };

/** A stored file that is a version of a model in the tracker's registry. */
export interface ModelVersion {
  readonly model: string;
  readonly file: Pick<ArtifactFile, 'path' | 'hash'>;
  /** A name of one version of the model: the one whose file was written last has it, whichever run that belongs to. */
  readonly alias?: string;
  /** When the file was written; missing: not known, and the version that is registered last has the alias. */
  readonly writtenAtMs?: number;
  readonly tags: Readonly<Record<string, string>>;
}

/** A file that was used for training. */
export interface Dataset {
  readonly name: string;
  /** Of the content, hex. */
  readonly hash: string;
  /** Where it is, as a path or an address. */
  readonly source: string;
  /** What it was used for: `train`. */
  readonly context: string;
}
