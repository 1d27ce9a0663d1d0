// The rules of the code for browsers, which esbuild bundles: what it may import, and how large the result may be.
import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';

const source = fileURLToPath(new URL('../../../../src/page/', import.meta.url));
const built = fileURLToPath(new URL('../../../src/page/files/', import.meta.url));

/** All packages that the page is made of. */
const PACKAGES = new Set(['preact', '@preact/signals', 'uplot', 'marked', 'dompurify']);
const MOST_SCRIPT_BYTES = 150_000;

function filesIn(folder: string): string[] {
  return readdirSync(join(source, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.tsx?$/.test(file) && !file.endsWith('.d.ts'))
    .map((file) => `${folder}/${file.replaceAll('\\', '/')}`);
}

function importsOf(file: string): string[] {
  const text = readFileSync(join(source, file), 'utf8');
  return [...text.matchAll(/(?:from|import\(|import) ?'([^']+)'/g)].map(([, name = '']) =>
    name.startsWith('.') ? posix.join(posix.dirname(file), name) : name,
  );
}

describe('the code for browsers', () => {
  it('imports itself, the model and the packages of the page, and nothing of the program', () => {
    const files = filesIn('browser');
    const wrong = files.flatMap((file) =>
      importsOf(file)
        .filter((name) => !/^(?:browser|model)\//.test(name))
        .filter((name) => !PACKAGES.has(name.startsWith('@') ? name.split('/').slice(0, 2).join('/') : (name.split('/')[0] ?? '')))
        .map((name) => `${file}: ${name}`),
    );
    expect(wrong).toEqual([]);
    expect(files.length).toBeGreaterThan(20);
  });

  it('writes no HTML and evaluates no text', () => {
    const risky = /dangerouslySetInnerHTML|innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function\b/;
    // What is sanitized first; each has a test with hostile texts.
    const allowed = new Set(['browser/media/markdown.tsx']);
    const found = filesIn('browser').filter((file) => risky.test(readFileSync(join(source, file), 'utf8')) && !allowed.has(file));
    expect(found).toEqual([]);
  });

  it('is at most 150 kB of compressed scripts, in files that the page names', () => {
    const names = readdirSync(built);
    const scripts = names.filter((name) => name.endsWith('.js'));
    const bytes = scripts.reduce((sum, name) => sum + gzipSync(readFileSync(join(built, name))).length, 0);
    expect(bytes).toBeGreaterThan(10_000);
    expect(bytes).toBeLessThanOrEqual(MOST_SCRIPT_BYTES);
    const html = readFileSync(join(built, 'index.html'), 'utf8');
    const named = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, name = '']) => name);
    expect(named.filter((name) => !names.includes(name))).toEqual([]);
    expect(named.length).toBeGreaterThanOrEqual(3);
  });

  it('names no other site', () => {
    const sites = readdirSync(built).flatMap((name) =>
      [...readFileSync(join(built, name), 'utf8').matchAll(/https?:\/\/[\w.-]+/g)].map(([site]) => `${name}: ${site}`),
    );
    // Names of XML vocabularies are no addresses. The parser of Markdown says in a message where to report its faults.
    const known = /^(?:.*: http:\/\/www\.w3\.org|markdown-\w+\.js: https:\/\/github\.com)$/;
    expect(sites.filter((site) => !known.test(site))).toEqual([]);
  });
});
