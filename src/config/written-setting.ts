/** A setting as the file has it, in use or not. */
export interface WrittenSetting {
  /** The key as people write it: `profiles.p.mlflow.tracking_uri`. */
  readonly key: string;
  readonly value: unknown;
  readonly location: string;
  /** True if it belongs to the profile in use. */
  readonly isInUse: boolean;
}
