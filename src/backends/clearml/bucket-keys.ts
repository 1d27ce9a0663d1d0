import type { ObjectAddress } from '../../objects/index.ts';
import type { ConfFile } from './conf-file.ts';

/** The entry of `clearml.conf` for one bucket, or for all buckets of one server. */
export interface BucketKeys {
  readonly endpoint: string | undefined;
  readonly region: string | undefined;
  readonly accessKey: string | undefined;
  readonly secretKey: string | undefined;
}

/**
 * Returns the entry of `sdk.aws.s3.credentials` for a place, as the official tools choose it: one of the bucket
 * before one of the whole server.
 */
export function bucketKeysOf(conf: ConfFile | undefined, { bucket, endpoint }: ObjectAddress): BucketKeys | undefined {
  const host = endpoint?.replace(/^https?:\/\//, '');
  const fitting = (conf?.list('sdk.aws.s3.credentials') ?? []).filter(
    (entry) => textOf(entry['host']) === host && [undefined, bucket].includes(textOf(entry['bucket'])),
  );
  const found = fitting.find((entry) => textOf(entry['bucket']) === bucket) ?? (host === undefined ? undefined : fitting[0]);
  if (found === undefined) return undefined;
  return {
    // A server with its own host uses TLS if nothing else is configured.
    endpoint: host === undefined ? undefined : `${isOff(found['secure']) ? 'http' : 'https'}://${host}`,
    region: textOf(found['region']),
    accessKey: textOf(found['key']),
    secretKey: textOf(found['secret']),
  };
}

function textOf(value: unknown): string | undefined {
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function isOff(value: unknown): boolean {
  return value === false || (typeof value === 'string' && /^(false|0|no|off)$/i.test(value));
}
