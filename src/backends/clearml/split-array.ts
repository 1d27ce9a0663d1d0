/** Returns the texts of the objects in a JSON array, each as it was written: parsing would change wide integers. */
export function splitArray(line: string): string[] {
  const texts: string[] = [];
  let depth = 0;
  let from = 0;
  for (let i = 0; i < line.length; i++) {
    const sign = line.charCodeAt(i);
    if (sign === 0x22) {
      // Skip the string, up to the next quote that is not escaped.
      for (i++; i < line.length && line.charCodeAt(i) !== 0x22; i++) if (line.charCodeAt(i) === 0x5c) i++;
    } else if (sign === 0x7b) {
      if (depth++ === 0) from = i;
    } else if (sign === 0x7d && --depth === 0) {
      texts.push(line.slice(from, i + 1));
    }
  }
  return texts;
}
