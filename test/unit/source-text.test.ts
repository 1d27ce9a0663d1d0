import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from '@jest/globals';

const root = fileURLToPath(new URL('../../..', import.meta.url));

function filesIn(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .map((file) => `${folder}/${file.replaceAll('\\', '/')}`)
    .filter((file) => /\.(?:ts|mjs)$/.test(file) && !file.includes('proto/messages') && !file.includes('node_modules'));
}

const files = filesIn('src');

function linesOf(file: string): string[] {
  return readFileSync(join(root, file), 'utf8').split('\n');
}

it('every exported name has a comment right above it', () => {
  const exported = /^export (?:abstract )?(?:async )?(?:class|function\*?|interface|type|const) (\w+)/;
  const bare = files.flatMap((file) => {
    const lines = linesOf(file);
    return lines.flatMap((line, i) => {
      const name = exported.exec(line)?.[1];
      return name === undefined || lines[i - 1]?.endsWith('*/') === true ? [] : [`${file}: ${name}`];
    });
  });
  expect(bare).toEqual([]);
});

it('no line is over 140 columns', () => {
  const long = files.flatMap((file) => linesOf(file).flatMap((line, i) => (line.length > 140 ? [`${file}:${i + 1}`] : [])));
  expect(long).toEqual([]);
});

it('comments end before column 120', () => {
  const comment = /^\s*(?:\/\*\*|\/\/|\* |\*\/)/;
  const wide = ['src', 'test', 'examples']
    .flatMap(filesIn)
    .flatMap((file) => linesOf(file).flatMap((line, i) => (line.length > 120 && comment.test(line) ? [`${file}:${i + 1}`] : [])));
  expect(wide).toEqual([]);
});
