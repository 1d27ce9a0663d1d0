/** Makes a text storable: replaces half characters, and NUL, for which PostgreSQL refuses the whole request. */
export function storable(text: string): string {
  return text.toWellFormed().replaceAll('\0', '␀');
}

/** Returns the first `most` code points of a text, made storable. */
export function cut(text: string, most: number): string {
  const plain = storable(text);
  if (plain.length <= most) return plain;
  const points = [...plain];
  return points.length <= most ? plain : points.slice(0, most).join('');
}
