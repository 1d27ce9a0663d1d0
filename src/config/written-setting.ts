/** A setting as the file has it, whether it holds now or not. */
export interface WrittenSetting {
  /** As people write it: `profiles.p.mlflow.tracking_uri`. */
  readonly key: string;
  readonly value: unknown;
  readonly location: string;
  /** Whether it belongs to the profile that holds. */
  readonly isInUse: boolean;
}
