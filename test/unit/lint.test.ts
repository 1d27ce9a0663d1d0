import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from '@jest/globals';
import { temporaryFolder } from '../support/temporary-folder.ts';

const RULE = resolve('scripts/lint/no-spread-into-calls.grit');
const folder = temporaryFolder();
const FORBIDDEN = [
  'list.push(...more);',
  'list?.push(1, ...more);',
  'Math.max(...more);',
  'new Thing(...more);',
  'call<string>(1, ...more);',
  'list.push(...more.map((one) => one + 1));',
  'String.fromCharCode.apply(null, more);',
  'list.push.apply(list, more);',
  'Reflect.apply(call, undefined, more);',
];

const ALLOWED = [
  'call([...more], { ...others });',
  'function rest(...all) { call(all); }',
  'routes.apply(ref, piece);',
  '// biome-ignore lint/plugin/no-spread-into-calls: at most three\nlist.push(...three);',
];

test('the linter finds a list that is spread into a call, unless a comment names its limit', () => {
  writeFileSync(join(folder, 'biome.json'), JSON.stringify({ root: true, plugins: [RULE], linter: { rules: { preset: 'none' } } }));
  writeFileSync(join(folder, 'forbidden.ts'), `${FORBIDDEN.join('\n')}\n`);
  writeFileSync(join(folder, 'allowed.ts'), `${ALLOWED.join('\n')}\n`);
  const biome = resolve('node_modules/.bin/biome');
  const { stdout } = spawnSync(biome, ['lint', '--reporter=json', '--max-diagnostics=none', '.'], { cwd: folder, encoding: 'utf8' });
  const found = (JSON.parse(stdout) as { diagnostics: { location: { path: string; start: { line: number } } }[] }).diagnostics;
  expect(found.map(({ location }) => `${location.path}:${location.start.line}`).sort()).toEqual(
    FORBIDDEN.map((_, i) => `forbidden.ts:${i + 1}`),
  );
});
