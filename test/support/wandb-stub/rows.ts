/**
 * A line of a history as the service reads it: JSON with the bare words NaN, Infinity and -Infinity. Undefined where
 * it is none.
 */
export function readLine(line: string): Record<string, unknown> | undefined {
  try {
    const plain = line.replace(/"(?:[^"\\]|\\.)*"|-?\bInfinity\b|\bNaN\b/g, (found) => (found.startsWith('"') ? found : `"${found}"`));
    const value: unknown = JSON.parse(plain);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** Files that a row points at. */
export function mediaIn(row: Record<string, unknown>): string[] {
  const found: string[] = [];
  for (const value of Object.values(row)) {
    if (typeof value !== 'object' || value === null) continue;
    const { path, filenames, audio } = value as { path?: unknown; filenames?: unknown; audio?: unknown };
    if (typeof path === 'string') found.push(path);
    if (Array.isArray(filenames)) found.push(...filenames.map(String));
    if (Array.isArray(audio)) found.push(...audio.map((clip) => String((clip as { path?: unknown }).path)));
  }
  return found;
}
