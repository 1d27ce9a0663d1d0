// Where files go, as people say it in the section, in variables and in clearml.conf.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { type ClearmlSettings, clearml } from '../../../../src/backends/clearml/index.ts';
import type { SettingProblem } from '../../../../src/contract/index.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

let folder: string;
beforeEach(() => {
  folder = temporaryFolder();
});
const API = 'api { api_server: "http://clearml:8008", credentials { access_key: A, secret_key: S } }\n';

function parse(conf: string, section: Readonly<Record<string, unknown>> = {}, env: Readonly<Record<string, string>> = {}) {
  const path = join(folder, 'clearml.conf');
  writeFileSync(path, API + conf);
  return clearml.parse(section, { CLEARML_CONFIG_FILE: path, ...env });
}

function objectsOf(...args: Parameters<typeof parse>): ClearmlSettings['objects'] {
  const parsed = parse(...args);
  if (parsed.kind === 'problems') throw new Error(JSON.stringify(parsed.problems));
  return parsed.settings.objects;
}

function problemOf(...args: Parameters<typeof parse>): SettingProblem | undefined {
  const parsed = parse(...args);
  return parsed.kind === 'problems' ? parsed.problems[0] : undefined;
}

const toBucket = (uri: string): string => `sdk.development.default_output_uri: "${uri}"\n`;

describe('upload addresses', () => {
  it.each([
    ['sdk.development.default_output_uri: true', {}],
    ['sdk.development.default_output_uri: ""', {}],
    [toBucket('gs://bucket'), { output_uri: true }],
    [toBucket('s3://bucket'), { output_uri: false }],
    ['', { output_uri: 'https://files.company.com' }],
  ])('are the file server with %s and %j', (conf, section) => {
    expect(objectsOf(conf, section)).toBeUndefined();
  });

  it.each(['gs://bucket/x', 'azure://account.blob.core.windows.net/c', '/mnt/models', 'file:///mnt/models'])(
    'are refused in an unknown form %s, with a suggestion',
    (uri) => {
      const inFile = problemOf(toBucket(uri));
      expect(inFile?.found).toBe(`${JSON.stringify(uri)} in clearml.conf`);
      expect(inFile?.hint).toContain('output_uri: true');
      expect(problemOf('', {}, { CLEARML_DEFAULT_OUTPUT_URI: uri })?.found).toContain('in CLEARML_DEFAULT_OUTPUT_URI');
      expect(problemOf('', { output_uri: uri })?.found).toBe(JSON.stringify(uri));
    },
  );

  it('of Google buckets get a hint that these speak S3', () => {
    expect(problemOf(toBucket('gs://bucket/x'))?.hint).toContain('s3://storage.googleapis.com:443/');
  });
});

describe('the keys of a bucket', () => {
  const CREDENTIALS = `sdk.aws.s3 {
    region: "", key: "all", secret: "all-secret"
    credentials: [
      { bucket: "models", key: "of-bucket", secret: "of-bucket-secret", region: "eu-west-1" },
      {
        # All buckets of this server.
        host: "minio:9000"
        key: 12345678
        secret: "of-host-secret"
        multipart: false
        secure: false
      },
      { host: "minio:9000", bucket: "own", key: "of-both", secret: "of-both-secret" }
    ]
  }\n`;

  it.each([
    ['s3://models/x', { region: 'eu-west-1', credentials: { accessKeyId: 'of-bucket', secretAccessKey: 'of-bucket-secret' } }],
    ['s3://other/x', { credentials: { accessKeyId: 'all', secretAccessKey: 'all-secret' } }],
    ['s3://minio:9000/b/x', { endpoint: 'http://minio:9000', credentials: { accessKeyId: '12345678', secretAccessKey: 'of-host-secret' } }],
    ['s3://minio:9000/own', { endpoint: 'https://minio:9000', credentials: { accessKeyId: 'of-both', secretAccessKey: 'of-both-secret' } }],
  ])('come from clearml.conf for %s', (uri, expected) => {
    expect(objectsOf(toBucket(uri) + CREDENTIALS)).toMatchObject(expected);
  });

  it('come from the section first', () => {
    const section = { s3_access_key: 'mine', s3_secret_key: 'my-secret', s3_region: 'here', s3_endpoint: 'https://minio:9001' };
    expect(objectsOf(toBucket('s3://minio:9000/own') + CREDENTIALS, section)).toMatchObject({
      endpoint: 'https://minio:9001',
      region: 'here',
      credentials: { accessKeyId: 'mine', secretAccessKey: 'my-secret' },
    });
  });

  it('do not appear in any output', () => {
    const parsed = parse(toBucket('s3://models/x') + CREDENTIALS);
    expect(parsed.kind === 'settings' && JSON.stringify(parsed.shown)).not.toMatch(/of-bucket|all-secret/);
  });
});
