// The site of these pages: `npm run docs:build`. A page that links to what is not there fails the build.
import { dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig, type MarkdownRenderer } from 'vitepress';
import sidebar from './sidebar.json' with { type: 'json' };

type Token = ReturnType<MarkdownRenderer['parse']>[number];

const docs = dirname(dirname(fileURLToPath(import.meta.url)));
/** The folder below which the site is served, `/` for a host of its own. */
const base = process.env['DOCS_BASE'] || '/';
/** Where the sources can be read: pages link to files outside of docs/, which the site does not have. */
const repository = process.env['DOCS_REPOSITORY'] || '';

/** Changes links to files outside of docs/ into links to the sources; without a place of the sources, their words stay. */
function leadsSomewhere(page: string): (token: Token) => boolean {
  let isLeftOut = false;
  return (token) => {
    // Braces in code are no expressions of a page.
    if (token.type === 'code_inline') token.attrSet('v-pre', '');
    if (token.type === 'link_open') {
      const target = token.attrGet('href') ?? '';
      const path = posix.join(posix.dirname(page), target);
      const isOutside = !/^[a-z]+:/.test(target) && path.startsWith('../');
      if (isOutside && repository !== '') token.attrSet('href', `${repository}/blob/HEAD/${path.slice(3)}`);
      isLeftOut = isOutside && repository === '';
    }
    return !(isLeftOut && /^link_/.test(token.type));
  };
}

export default defineConfig({
  title: 'mirrorboard',
  description: 'Mirrors TensorBoard log directories, exactly and continuously, into several experiment trackers at once.',
  base,
  cleanUrls: true,
  cacheDir: join(docs, '../node_modules/.cache/vitepress'),
  themeConfig: {
    nav: [
      { text: 'Commands', link: '/commands' },
      { text: 'Configuration', link: '/configuration' },
      { text: 'Trackers', link: '/backends' },
      { text: 'Errors', link: '/errors' },
    ],
    sidebar,
    outline: [2, 3],
    search: { provider: 'local' },
    ...(repository === '' ? {} : { socialLinks: [{ icon: 'github', link: repository }] }),
  },
  markdown: {
    // Words in angle brackets are text here, not elements of a page.
    html: false,
    attrs: { disable: true },
    // Headings have the same addresses here and where the sources can be read.
    anchor: {
      slugify: (heading) =>
        heading
          .toLowerCase()
          .replace(/[^\p{L}\p{N}\s_-]/gu, '')
          .trim()
          .replace(/\s/g, '-'),
    },
    config(md) {
      // Without HTML, a comment would be text of the page, or a row of the table before it.
      md.core.ruler.after('normalize', 'without-comments', (state) => {
        state.src = state.src.replace(/^<!-- .* -->$/gm, '');
      });
      md.core.ruler.push('pages-of-a-repository', ({ tokens, env }) => {
        for (const token of tokens) token.children = token.children?.filter(leadsSomewhere(env.relativePath)) ?? null;
      });
    },
  },
});
