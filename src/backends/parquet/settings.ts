import { resolve } from 'node:path';
import { count, PATH, SECONDS, Section, type SettingFields, SWITCH, TEXT } from '../../backend-kit/settings/index.ts';
import type { ParsedSettings } from '../../contract/index.ts';
import type { Environment } from '../../environment.ts';
import { isObjectEndpoint, OBJECT_ENDPOINT, type ObjectStoreOptions, parseObjectUrl } from '../../objects/index.ts';

const MEBI = 1024 * 1024;

/** A lane's section of the configuration, validated and with defaults. */
export interface ParquetSettings {
  /** The folder; undefined if the files go to a bucket. */
  readonly folder: string | undefined;
  readonly bucket: ObjectStoreOptions | undefined;
  /** Where the lane leads: the folder, or the bucket and its server. */
  readonly target: string;
  /** The bytes of an event file that become one Parquet file. */
  readonly fileBytes: number;
  /** The time to wait for more data while a run grows. */
  readonly fileAgeMs: number;
}

/** The settings of a lane, by name. */
export const FIELDS = {
  path: { kind: PATH },
  file_size_mib: { kind: count(1, 64), fallback: 8 },
  file_age: { kind: SECONDS, fallback: 60 },
  s3_endpoint: { kind: TEXT },
  s3_region: { kind: TEXT },
  s3_path_style: { kind: SWITCH },
  s3_access_key: { kind: TEXT, isSecret: true },
  s3_access_key_file: { kind: PATH, excludes: ['s3_access_key'] },
  s3_secret_key: { kind: TEXT, isSecret: true },
  s3_secret_key_file: { kind: PATH, excludes: ['s3_secret_key'] },
} satisfies SettingFields;

/** Validates a lane's section. */
export function parseSettings(raw: Readonly<Record<string, unknown>>, env: Environment): ParsedSettings<ParquetSettings> {
  const section = new Section(FIELDS, raw, env);
  const path = section.get('path');
  const isBucket = path !== undefined && /^[a-z][a-z0-9+.-]*:\/\//i.test(path);
  const address = isBucket ? parseObjectUrl(path) : undefined;
  if (path === undefined && !section.isWrong('path')) section.wrong('path', 'nothing', 'a folder, or s3://BUCKET/PREFIX');
  if (isBucket && address === undefined)
    section.wrong('path', JSON.stringify(path), 'a folder, s3://BUCKET/PREFIX or s3://HOST:PORT/BUCKET/PREFIX');
  const accessKeyId = section.secret('s3_access_key', 's3_access_key_file');
  const secretAccessKey = section.secret('s3_secret_key', 's3_secret_key_file');
  if ((accessKeyId === undefined) !== (secretAccessKey === undefined)) {
    section.wrong(accessKeyId === undefined ? 's3_access_key' : 's3_secret_key', 'nothing', 'both keys, or none');
  }
  const endpoint = section.get('s3_endpoint') ?? address?.endpoint;
  if (endpoint !== undefined && !isObjectEndpoint(endpoint)) section.wrong('s3_endpoint', 'another text', OBJECT_ENDPOINT);
  const region = section.get('s3_region');
  const pathStyle = section.get('s3_path_style');
  const folder = resolve(path ?? '.');
  const url = (path ?? '').replace(/\/+$/, '');
  return section.result({
    target: !isBucket ? folder : endpoint === address?.endpoint ? url : `${endpoint} ${url}`,
    folder: isBucket ? undefined : folder,
    bucket:
      address === undefined
        ? undefined
        : {
            bucket: address.bucket,
            prefix: address.prefix,
            url,
            env,
            ...(endpoint === undefined ? {} : { endpoint }),
            ...(region === undefined ? {} : { region }),
            ...(pathStyle === undefined ? {} : { pathStyle }),
            ...(accessKeyId === undefined || secretAccessKey === undefined ? {} : { credentials: { accessKeyId, secretAccessKey } }),
          },
    fileBytes: section.get('file_size_mib') * MEBI,
    fileAgeMs: section.get('file_age') * 1000,
  });
}
