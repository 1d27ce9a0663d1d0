// The bundled code: its threads, its one set of errors, and the places that its stacks name.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, test } from '@jest/globals';
import { corpus, endAll, freshDirectory, MAIN, mirrorboard, remove, repository, startNode } from './command.ts';

const app = dirname(MAIN);
const cwd = freshDirectory();

afterAll(() => {
  endAll();
  remove(cwd);
});

/** The line of a source that a stack names. */
function lineAt(place: string): string {
  const [file = '', line] = place.split(':');
  return readFileSync(join(repository, file), 'utf8').split('\n')[Number(line) - 1] ?? '';
}

describe('the bundled code', () => {
  test('has every thread that a source starts beside it', () => {
    const sources = readdirSync(join(repository, 'src'), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
    const threads = sources.flatMap((name) =>
      [...readFileSync(join(repository, 'src', name), 'utf8').matchAll(/new URL\('\.\/([\w-]+\.js)', import\.meta\.url\)/g)].map(
        ([, file = '']) => file,
      ),
    );
    expect(threads.length).toBeGreaterThan(5);
    expect(threads.filter((file) => !existsSync(join(app, file)))).toEqual([]);
  });

  test('shows the code of an error that a backend of a package throws', async () => {
    const backend = pathToFileURL(join(app, 'backend.js')).href;
    const type = `import { MirrorError } from '${backend}';
      const fail = () => { throw new MirrorError('MB4003', 'the notes are closed'); };
      export const backend = { type: 'notes', fields: [], parse: fail, target: fail, create: fail };`;
    writeFileSync(join(cwd, 'notes.mjs'), type);
    writeFileSync(join(cwd, 'notes.yaml'), 'lanes:\n  notes:\n    type: ./notes.mjs\n');
    const { stderr } = await mirrorboard(['backfill', corpus('tf2_scalars'), '--config', 'notes.yaml'], { cwd });
    expect(stderr).toContain('error[MB4003]: the notes are closed');
  });

  test('names the places in the sources in the stack of an error', async () => {
    const { stderr } = await mirrorboard(['verify', '--store', 'none.db'], { cwd, env: { MIRRORBOARD_DEBUG: '1' } });
    const places = [...stderr.matchAll(/\(?(src\/[\w/-]+\.ts:\d+):\d+\)?$/gm)].map(([, place = '']) => place);
    expect(places.length).toBeGreaterThan(4);
    expect(lineAt(places[0] ?? '')).toContain("new MirrorError('MB3007'");
    expect(stderr).not.toContain(app);
  });

  test('names them if nobody caught the error', async () => {
    // The library is the same code, and throws from a timer here.
    const crash = `process.argv = ['node', 'main.js', '--version'];
      await import('${pathToFileURL(MAIN).href}');
      const { parseRoot } = await import('${pathToFileURL(join(app, 'index.js')).href}');
      setTimeout(() => parseRoot('=', () => false));`;
    const { code, stderr } = await startNode(['--input-type=module', '--eval', crash], { cwd }).ended;
    expect(code).toBe(1);
    expect(stderr).toMatch(/at parseRoot \(src\/config\/[\w-]+\.ts:\d+:\d+\)/);
  });
});
