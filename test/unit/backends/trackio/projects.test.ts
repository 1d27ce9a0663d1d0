import { expect, it } from '@jest/globals';
import { storedProject } from '../../../../src/backends/trackio/projects.ts';
import { parseSettings } from '../../../../src/backends/trackio/settings.ts';

/** As Trackio stores a name (`canonical_project_name`), for the names here. */
const canonical = (name: string): string => name.replace(/[^\p{L}\p{N}_-]/gu, '') || 'default';

it('names that Trackio would store as one stay apart', () => {
  const names = [
    'my.model',
    'mymodel',
    'my model',
    'my/model',
    '',
    'default',
    '..',
    '日本',
    'model_artifacts',
    'registry-x',
    'a'.repeat(300),
    'a'.repeat(301),
  ];
  const stored = names.map(storedProject);
  expect(new Set(stored.map(canonical)).size).toBe(names.length);
  for (const name of stored) {
    expect(canonical(name)).toBe(name);
    expect(storedProject(name)).toBe(name);
    expect(Buffer.byteLength(name)).toBeLessThan(250);
    expect(name).not.toMatch(/^registry-|_artifacts$/);
  }
  expect(storedProject('mymodel')).toBe('mymodel');
});

it('a project that Trackio would store under another name is a problem of the configuration', () => {
  const parsed = parseSettings({ url: 'http://localhost:7860', project: 'my.model' }, {});
  expect(parsed.kind === 'problems' ? parsed.problems : []).toMatchObject([{ path: ['project'], found: '"my.model"' }]);
});

it('the address that Trackio prints has the token, which is no part of a configuration file', () => {
  const url = 'http://localhost:7860/?write_token=abc';
  const parsed = parseSettings({}, { TRACKIO_SERVER_URL: url });
  expect(parsed).toMatchObject({ kind: 'settings', settings: { url: 'http://localhost:7860', writeToken: 'abc' } });
  expect(JSON.stringify(parsed.kind === 'settings' ? parsed.shown : '')).not.toContain('abc');
  const inFile = parseSettings({ url }, {});
  expect(inFile.kind === 'problems' ? inFile.problems.map(({ path }) => path) : []).toEqual([['url']]);
  expect(JSON.stringify(inFile)).not.toContain('abc');
});

it('an address is needed', () => {
  const parsed = parseSettings({}, {});
  expect(parsed.kind === 'problems' ? parsed.problems.map(({ path }) => path) : []).toEqual([['url']]);
});
