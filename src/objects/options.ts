import type { Environment } from '../environment.ts';

/** A bucket, and the settings to reach it. */
export interface ObjectStoreOptions {
  readonly bucket: string;
  /** The prefix of every path, without slashes at its ends; may be empty. */
  readonly prefix: string;
  /** The address of bucket and prefix, which names what is stored: `s3://bucket/prefix`. */
  readonly url: string;
  /** The address of a server other than Amazon's. Default: `AWS_ENDPOINT_URL_S3`, or from the region. */
  readonly endpoint?: string;
  /** Default: from the environment or the profile, otherwise us-east-1. */
  readonly region?: string;
  /** True to put the bucket in the path instead of the host name. Default: true if there is an endpoint. */
  readonly pathStyle?: boolean;
  /**
   * Time limit for one command, including its answer; a body to send adds a second per megabyte. Milliseconds,
   * default 240 000.
   */
  readonly timeoutMs?: number;
  /** The variables that may name proxies. Default: the process's. */
  readonly env?: Environment;
  /** Default: the usual chain: variables, profiles, web identity, container, instance. */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
}
