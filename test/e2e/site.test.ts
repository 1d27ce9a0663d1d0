// The site of the documentation: that it is made without a network, whole, and that no page or heading is missing.
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { repository } from './command.ts';

const scratch = temporaryFolder();
/** Builds pages into a folder; answers the exit code and what was said. */
function build(docs: string, to: string, env: NodeJS.ProcessEnv = {}): Promise<{ readonly code: unknown; readonly output: string }> {
  const args = [join(repository, 'node_modules/vitepress/bin/vitepress.js'), 'build', docs, '--outDir', to];
  return new Promise((resolve) => {
    execFile(process.execPath, args, { cwd: scratch, env: { ...process.env, NODE_OPTIONS: '', ...env } }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : error.code, output: `${stdout}${stderr}` });
    });
  });
}

/** Every page below a folder, without its ending. */
function pagesIn(folder: string, ending: string): string[] {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith(ending));
  return names.map((name) => name.slice(0, -ending.length)).sort();
}

const docs = join(repository, 'docs');
const pages = pagesIn(docs, '.md').filter((name) => !name.startsWith('.vitepress'));

describe('the site', () => {
  const site = join(scratch, 'site');
  const html = (page: string): string => readFileSync(join(site, `${page}.html`), 'utf8');

  it('has each page once in its sidebar', () => {
    const groups = JSON.parse(readFileSync(join(docs, '.vitepress/sidebar.json'), 'utf8')) as { items: { link: string }[] }[];
    const listed = groups.flatMap(({ items }) => items.map(({ link }) => link.slice(1)));
    expect(listed.sort()).toEqual(pages.filter((page) => page !== 'index'));
  });

  it('builds with a search over all pages, and loads nothing from other sites', async () => {
    const { code, output } = await build(docs, site);
    expect({ code, output }).toMatchObject({ code: 0 });
    expect(pagesIn(site, '.html').filter((page) => page !== '404')).toEqual(pages);
    const chunks = readdirSync(join(site, 'assets/chunks'));
    const index = chunks.find((name) => name.startsWith('@localSearchIndex'));
    expect(readFileSync(join(site, 'assets/chunks', index!), 'utf8')).toContain('MB3007');
    for (const page of pages) expect(html(page)).not.toMatch(/<(?:script|link|img)[^>]* (?:src|href)="(?:https?:)?\/\//);
    // Comments mark what a program writes into a page.
    for (const page of pages) expect(html(page)).not.toContain('&lt;!--');
  });

  it('has the heading for each link', () => {
    const anchors = new Map(pages.map((page) => [page, new Set([...html(page).matchAll(/ id="([^"]+)"/g)].map(([, id]) => id))]));
    const links = pages.flatMap((page) =>
      [...html(page).matchAll(/ href="(\/?[^":?]*)#([^"]+)"/g)].map(([, path = '', anchor = '']) => ({
        page,
        path: path === '' ? page : posix.join(posix.dirname(page), path),
        anchor: decodeURIComponent(anchor),
      })),
    );
    expect(links.length).toBeGreaterThan(200);
    expect(links.filter(({ path, anchor }) => anchor !== 'VPContent' && anchors.get(path)?.has(anchor) !== true)).toEqual([]);
  });
});

describe('a page of the site', () => {
  it('fails with a broken link, and links to sources with addresses of the repository', async () => {
    const copy = join(scratch, 'copy/docs');
    mkdirSync(copy, { recursive: true });
    symlinkSync(join(repository, 'node_modules'), join(scratch, 'copy/node_modules'));
    cpSync(join(docs, '.vitepress'), join(copy, '.vitepress'), { recursive: true, filter: (name) => !/\/(?:dist|cache)$/.test(name) });
    writeFileSync(join(copy, 'index.md'), '# Page\n\n[sources](../src/main.ts), `{{ braces }}` and <angles>\n');
    const there = await build(copy, join(scratch, 'good'), { DOCS_REPOSITORY: 'https://git.example/team/mirrorboard' });
    expect(there).toMatchObject({ code: 0 });
    const text = readFileSync(join(scratch, 'good/index.html'), 'utf8');
    expect(text).toContain('href="https://git.example/team/mirrorboard/blob/HEAD/src/main.ts"');
    expect(text).toContain('{{ braces }}');
    expect(text).toContain('&lt;angles&gt;');

    writeFileSync(join(copy, 'index.md'), '# Page\n\n[nothing](nothing.md)\n');
    const { code, output } = await build(copy, join(scratch, 'bad'));
    expect([code, output]).toEqual([1, expect.stringMatching(/dead link.*nothing/)]);
  });
});
