import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { mlflow } from '../../../../src/backends/mlflow/index.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

type Env = Readonly<Record<string, string | undefined>>;

function settingsOf(section: Record<string, unknown>, env: Env = {}) {
  const parsed = mlflow.parse(section, env);
  if (parsed.kind !== 'settings') throw new Error(JSON.stringify(parsed.problems));
  return { settings: parsed.settings, shown: parsed.shown };
}

function problemsOf(section: Record<string, unknown>, env: Env = {}) {
  const parsed = mlflow.parse(section, env);
  if (parsed.kind !== 'problems') throw new Error('no problems');
  return parsed.problems;
}

describe('the settings of an MLflow lane', () => {
  test('come from the variables, then from the file, then from defaults, and each shows its source', () => {
    const { settings, shown } = settingsOf(
      { backend_url: 'http://file:5000/', experiment: 'File', exact_times: true },
      { MLFLOW_EXPERIMENT_NAME: 'Variable', MLFLOW_HTTP_REQUEST_TIMEOUT: '300' },
    );
    expect(settings).toMatchObject({
      uri: 'http://file:5000',
      kind: 'server',
      experimentName: 'Variable',
      exactTimes: true,
      timeoutMs: 300_000,
      artifacts: true,
    });
    expect(shown).toEqual(
      expect.arrayContaining([
        { key: 'tracking_uri', value: 'http://file:5000/', source: 'file' },
        { key: 'experiment_name', value: 'Variable', source: 'MLFLOW_EXPERIMENT_NAME' },
        { key: 'artifacts', value: true, source: 'default' },
      ]),
    );
  });

  test('take user and password from the address, from variables or files, and show none of them', () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'secret'), 'from-file\n');
    const inAddress = settingsOf({ tracking_uri: 'http://me:pass%21@h:5000' });
    expect(inAddress.settings).toMatchObject({ uri: 'http://h:5000', auth: { username: 'me', password: 'pass!' } });
    expect(JSON.stringify(inAddress.shown)).not.toContain('pass');
    expect(settingsOf({ tracking_uri: 'http://h', username: 'u', password_file: join(folder, 'secret') }).settings.auth).toEqual({
      username: 'u',
      password: 'from-file',
    });
    const token = settingsOf({ tracking_uri: 'http://h' }, { MLFLOW_TRACKING_TOKEN: 'tok-en' });
    expect(token.settings.auth).toEqual({ token: 'tok-en' });
    expect(JSON.stringify(token.shown)).not.toContain('tok-en');
    expect(problemsOf({ tracking_uri: 'http://h', token_file: join(folder, 'none') })[0]).toMatchObject({ path: ['token_file'] });
  });

  test.each([
    ['sqlite:///dev.db', 'store'],
    ['postgresql://db/mlflow', 'store'],
    ['./mlruns', 'store'],
    ['file:///data/mlruns', 'store'],
    ['https://h/mlflow', 'server'],
  ])('accept %s for a %s', (uri, kind) => expect(settingsOf({ tracking_uri: uri }).settings).toMatchObject({ kind, uri }));

  test("show a database's password only in the server's command", () => {
    const { settings, shown } = settingsOf({ tracking_uri: 'postgresql://u:hush/hu@sh@db/m' });
    expect(settings.storeUri).toContain('hush');
    expect(JSON.stringify([settings.uri, mlflow.target(settings), shown])).not.toMatch(/hush|hu@sh|sh@/);
    expect(settings.uri).toBe('postgresql://db/m');
  });

  test.each([
    [{}, ['tracking_uri'], 'nothing', 'MLFLOW_TRACKING_URI'],
    [{ tracking_uri: 'mlflow:5000' }, ['tracking_uri'], '"mlflow:5000"', 'http://mlflow:5000'],
    [{ tracking_uri: 'http://h', exactTimes: true }, ['exactTimes'], 'the key "exactTimes"', 'exact_times'],
    [{ tracking_uri: 'http://h', artifacts: 'yes' }, ['artifacts'], '"yes"', undefined],
    [{ tracking_uri: 'http://h', request_timeout: -1 }, ['request_timeout'], '-1', undefined],
    [{ tracking_uri: 'http://h', backend_url: 'http://i' }, ['backend_url'], 'tracking_uri and backend_url', undefined],
    [{ tracking_uri: ['http://h'] }, ['tracking_uri'], 'a list', undefined],
  ])('are reported if they are invalid: %j', (section, path, found, hint) => {
    const [problem, ...others] = problemsOf(section);
    expect(others).toEqual([]);
    expect(problem).toMatchObject({ path, found });
    if (hint !== undefined) expect(problem?.hint).toContain(hint);
  });

  test('name an invalid variable', () => {
    expect(problemsOf({ tracking_uri: 'http://h' }, { MLFLOW_TRACKING_INSECURE_TLS: 'maybe' })[0]).toMatchObject({
      path: ['insecure_tls'],
      found: '"maybe" in MLFLOW_TRACKING_INSECURE_TLS',
    });
  });

  test('return their target', () => {
    expect(mlflow.target(settingsOf({ tracking_uri: 'http://a:b@h:5000/', experiment_name: 'E' }).settings)).toBe('http://h:5000 E');
    expect(mlflow.target(settingsOf({ tracking_uri: 'http://h', experiment_id: 7 }).settings)).toBe('http://h experiment 7');
  });
});
