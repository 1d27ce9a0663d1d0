import type { Environment } from '../environment.ts';

/** A bucket, and how it is reached. */
export interface ObjectStoreOptions {
  readonly bucket: string;
  /** Before every path, without slashes at its ends; may be empty. */
  readonly prefix: string;
  /** The address of bucket and prefix, as what is stored is named by: `s3://bucket/prefix`. */
  readonly url: string;
  /** For a server other than Amazon's. Default: `AWS_ENDPOINT_URL_S3`, or from the region. */
  readonly endpoint?: string;
  /** Default: as the environment or the profile says, else us-east-1. */
  readonly region?: string;
  /** The bucket in the path instead of the host name. Default: if there is an endpoint. */
  readonly pathStyle?: boolean;
  /**
   * Of one command, its answer included; a body that is sent has a second more for every megabyte. Milliseconds,
   * default 240 000.
   */
  readonly timeoutMs?: number;
  /** Where proxies are named. Default: the process's. */
  readonly env?: Environment;
  /** Default: the usual chain: variables, profiles, web identity, container, instance. */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
}
