/**
 * Returns the text of a page, without its tags and styles. Takes time in proportion to the text, whatever it
 * contains.
 */
export function plainText(page: string): string {
  // The text between two style tags is not for people.
  const shown = page.split(/<\/?style\b[^<>]*>/i).filter((_, i) => i % 2 === 0);
  return shown.join(' ').replace(/<[^<>]*>/g, ' ');
}
