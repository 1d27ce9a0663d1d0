// Text that a program writes into a page, between `<!-- NAME -->` and `<!-- /NAME -->`.

/** The page with other text between the marks of that name; undefined if it has no such marks. */
export function replaceMarked(page: string, name: string, text: string): string | undefined {
  const [begin, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const from = page.indexOf(begin);
  const to = page.indexOf(end, from);
  if (from < 0 || to < 0) return undefined;
  return `${page.slice(0, from + begin.length)}\n\n${text}\n\n${page.slice(to)}`;
}

/** The text between the marks of that name; undefined if there are none. */
export function markedText(page: string, name: string): string | undefined {
  return page.split(`<!-- ${name} -->`)[1]?.split(`<!-- /${name} -->`)[0]?.trim();
}
