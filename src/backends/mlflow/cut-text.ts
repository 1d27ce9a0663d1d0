/** A text as databases take it: no half characters, and no NUL, which PostgreSQL refuses with the whole request. */
export function storable(text: string): string {
  return text.toWellFormed().replaceAll('\0', '␀');
}

/** The first `most` code points of a text, as databases take it. */
export function cut(text: string, most: number): string {
  const plain = storable(text);
  if (plain.length <= most) return plain;
  const points = [...plain];
  return points.length <= most ? plain : points.slice(0, most).join('');
}
