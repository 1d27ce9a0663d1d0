/** What a page says, without its tags and styles. Takes time in proportion to the text, whatever is in it. */
export function plainText(page: string): string {
  // The text between two tags of a style is not for people.
  const shown = page.split(/<\/?style\b[^<>]*>/i).filter((_, i) => i % 2 === 0);
  return shown.join(' ').replace(/<[^<>]*>/g, ' ');
}
