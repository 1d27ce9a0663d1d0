/** Returns an address that leads to a page and runs nothing; undefined for any other text. */
export function safeLink(url: string | null | undefined): string | undefined {
  if (url === null || url === undefined || !URL.canParse(url)) return undefined;
  return ['http:', 'https:'].includes(new URL(url).protocol) ? url : undefined;
}
