import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { hasFragments, writeFragment } from '../../../../src/backends/trackio/inbox.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

it('rows in an inbox can be read only by whom the umask lets, as all files of ours', () => {
  const inbox = temporaryFolder();
  expect(hasFragments(inbox, 'ab-1')).toBe(false);
  writeFragment(inbox, 'ab-1', ['{"a":1}', '{"b":2}']);
  expect(hasFragments(inbox, 'ab-1')).toBe(true);
  const folder = join(inbox, 'mirrorboard-ab-1');
  const [name] = readdirSync(folder) as [string];
  expect(readFileSync(join(folder, name), 'utf8')).toBe('{"a":1}\n{"b":2}\n');
  for (const path of [folder, join(folder, name)]) expect(statSync(path).mode & 0o077).toBe(0);
});
