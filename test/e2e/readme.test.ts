// The demonstration of the README, as it is written there.
import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { corpus, endAll, freshDirectory, mustRun, remove, repository } from './command.ts';

const text = readFileSync(join(repository, 'README.md'), 'utf8');
const [, block = ''] = /^```console\n([\s\S]*?)^```$/m.exec(text) ?? [];
/** Each command with what it prints, both streams as a terminal shows them. */
const shown = block
  .split(/^\$ /m)
  .slice(1)
  .map((part) => [part.split('\n', 1)[0] ?? '', part.slice(part.indexOf('\n') + 1).trimEnd()] as const);

let folder: string;

beforeEach(() => {
  folder = freshDirectory();
  cpSync(corpus('tf2_scalars'), join(folder, 'runs'), { recursive: true });
});

afterEach(async () => {
  await endAll();
  remove(folder);
});

describe('the README', () => {
  it('shows the output of its commands', async () => {
    expect(shown.map(([command]) => command)).toEqual(['mirrorboard backfill runs', 'mirrorboard verify']);
    for (const [command, output] of shown) {
      const { stdout, stderr } = await mustRun(command.split(' ').slice(1), { cwd: folder });
      // The README leaves out times, and what depends on them.
      const lines = `${stdout}${stderr}`.split('\n').filter((line) => !/^(?:Took |Store |Next: )/.test(line));
      expect(lines.join('\n').trim()).toBe(output);
    }
  });
});
