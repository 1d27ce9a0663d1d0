import { describe, expect, it } from '@jest/globals';
import { parquet } from '../../../../src/backends/parquet/index.ts';

function settingsOf(section: Record<string, unknown>, env: Record<string, string> = {}) {
  const parsed = parquet.parse(section, env);
  if (parsed.kind !== 'settings') throw new Error(JSON.stringify(parsed.problems));
  return parsed;
}

function problemsOf(section: Record<string, unknown>) {
  const parsed = parquet.parse(section, {});
  if (parsed.kind !== 'problems') throw new Error('no problems');
  return parsed.problems;
}

describe('the settings of a Parquet lane', () => {
  it('name a folder, whatever the working directory is later', () => {
    const { settings } = settingsOf({ path: '/data/../data/points' });
    expect(settings).toMatchObject({
      folder: '/data/points',
      bucket: undefined,
      target: '/data/points',
      fileBytes: 8 * 2 ** 20,
      fileAgeMs: 60_000,
    });
    expect(settingsOf({ path: 'points' }).settings.folder).toBe(`${process.cwd()}/points`);
  });

  it('name a bucket, and its server as a part of the target', () => {
    expect(settingsOf({ path: 's3://bucket/a/b/' }).settings).toMatchObject({
      folder: undefined,
      bucket: { bucket: 'bucket', prefix: 'a/b', url: 's3://bucket/a/b' },
      target: 's3://bucket/a/b',
    });
    expect(settingsOf({ path: 's3://minio:9000/bucket' }).settings).toMatchObject({
      bucket: { endpoint: 'http://minio:9000' },
      target: 's3://minio:9000/bucket',
    });
    const { settings } = settingsOf({ path: 's3://bucket', s3_endpoint: 'https://s3.example', s3_region: 'eu-1', s3_path_style: false });
    expect(settings.bucket).toMatchObject({ endpoint: 'https://s3.example', region: 'eu-1', pathStyle: false });
    expect(parquet.target(settings)).toBe('https://s3.example s3://bucket');
  });

  it('show no secret, and keep it out of the target', () => {
    const secret = 'very-secret-value';
    const { shown, settings } = settingsOf({ path: 's3://bucket', s3_access_key: 'id', s3_secret_key: secret });
    expect(settings.bucket?.credentials).toEqual({ accessKeyId: 'id', secretAccessKey: secret });
    expect(JSON.stringify(shown)).not.toContain(secret);
    expect(parquet.target(settings)).not.toContain(secret);
  });

  it('must make sense', () => {
    expect(problemsOf({})[0]).toMatchObject({ path: ['path'], found: 'nothing' });
    expect(problemsOf({ path: 'gs://bucket' })[0]).toMatchObject({ path: ['path'], found: '"gs://bucket"' });
    for (const endpoint of ['https://me:very-secret-value@s3.example', 's3.example', 'ftp://s3.example', 'https://s3.example?a=b']) {
      const [problem] = problemsOf({ path: 's3://bucket', s3_endpoint: endpoint });
      expect(problem).toMatchObject({ path: ['s3_endpoint'], found: 'another text' });
      expect(JSON.stringify(problem)).not.toContain('very-secret-value');
    }
    expect(problemsOf({ path: 'x', s3_access_key: 'id' })[0]).toMatchObject({ path: ['s3_secret_key'] });
    expect(problemsOf({ path: 'x', file_size_mib: 0, file_age: -1, paths: 'y' }).map(({ path }) => path)).toEqual([
      ['paths'],
      ['file_size_mib'],
      ['file_age'],
    ]);
  });
});
