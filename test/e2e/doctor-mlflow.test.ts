// What `doctor` says of MLflow servers before anything is mirrored, and what its trial finds out.
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { MlflowStub, type StubOptions } from '../support/mlflow-stub/index.ts';
import { corpus, type Ended, endAll, freshDirectory, mirrorboard, remove } from './command.ts';

let folder: string;
let stub: MlflowStub | undefined;

beforeEach(() => {
  folder = freshDirectory();
});
afterEach(async () => {
  await endAll();
  await stub?.close();
  remove(folder);
});

async function doctor(options: StubOptions, ...flags: readonly string[]): Promise<Ended> {
  stub = await MlflowStub.start(options);
  const env = { MIRRORBOARD_LANES: 'local,mlflow', MLFLOW_TRACKING_URI: stub.url, MLFLOW_EXPERIMENT_NAME: 'trial' };
  return mirrorboard(['doctor', ...flags, corpus('tf2_scalars')], { cwd: folder, env });
}

it('doctor reports that it cannot tell how an old server stores its data', async () => {
  const { code, stdout } = await doctor({ isOld: true, isFileStore: true, version: '2.22.2' });
  expect([code, stdout]).toEqual([0, expect.stringContaining('do not say how they store their data')]);
  expect(stdout).not.toContain('are stored once');
  expect(stub?.store.runs.size).toBe(0);
});

it('doctor detects a file store by a trial, and explains the consequences', async () => {
  const { code, stdout } = await doctor({ isOld: true, isFileStore: true, version: '2.22.2' }, '--write');
  expect(code).toBe(0);
  expect(stdout).toMatch(/wrote 5 points to a test run/);
  expect(stdout).toMatch(/Test runs.*FileStore.*may be there twice/s);
  expect(stdout).not.toContain('are stored once');
  expect(stub?.runs()).toEqual([]);
});

it('doctor finds by a trial which names and texts a database changes', async () => {
  const { code, stdout } = await doctor({ foldsNames: true, isLatin1: true, paramLength: 500, isOld: true }, '--write');
  expect(code).toBe(0);
  expect(stdout).toMatch(/Test runs.*differ only by case.*latin1.*cut at 500 characters/s);
});

it('doctor finds by a trial that a database treats letters as equal, and cannot store emoji', async () => {
  const { code, stdout } = await doctor({ foldsNames: true, foldsAs: { ø: 'o' }, isNarrow: true }, '--write');
  expect(code).toBe(0);
  expect(stdout).toMatch(/are stored once.*Test runs.*treats letters as equal.*utf8mb3/s);
});

it('doctor finds files that bypass the server, and names the remedy', async () => {
  const { stdout } = await doctor({ artifactsAt: 's3://bucket' }, '--write');
  expect(stdout).toMatch(/at s3:.*mirrors only scalars.*--artifacts-destination/);
  expect(stdout).toMatch(/wrote 4 points to a test run/);
});
