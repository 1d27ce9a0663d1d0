import { MirrorError } from '../errors.ts';

/** Reads the port of a flag, from `least` on: 0 is any free one. Throws MB1001. */
export function portOf(text: string, flag: string, least = 1): number {
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port >= least && port < 65_536) return port;
  throw new MirrorError('MB1001', `${flag}: found ${JSON.stringify(text)}, expected a port from ${least} to 65535`);
}
