/** The first `most` code points of a text. */
export function cut(text: string, most: number): string {
  if (text.length <= most) return text;
  const points = [...text];
  return points.length <= most ? text : points.slice(0, most).join('');
}
