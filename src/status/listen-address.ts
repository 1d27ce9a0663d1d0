import { BlockList, isIP } from 'node:net';
import { MirrorError, messageOf } from '../errors.ts';

/**
 * Returns the host and port of `--listen`; a port alone is one of the loopback address. `flag`: the flag's name. Throws
 * MB1001.
 */
export function parseListen(listen: string, flag = '--listen'): { host: string; port: number } {
  const match = /^(?:(.*):)?(\d{1,5})$/.exec(listen);
  const port = Number(match?.[2]);
  if (match === null || port > 65535) {
    throw new MirrorError('MB1001', `${flag}: found ${JSON.stringify(listen)}, expected HOST:PORT`, {
      hint: `For example ${flag} 127.0.0.1:8080.`,
    });
  }
  return { host: (match[1] ?? '127.0.0.1').replace(/^\[|\]$/g, '') || '127.0.0.1', port };
}

/** Returns the error of a server that cannot listen at an address. */
export function listenFailure(address: string, cause: unknown, flag = '--listen'): MirrorError {
  return new MirrorError('MB1001', `listening on ${address}: ${messageOf(cause)}`, {
    hint: `Choose another address with ${flag} HOST:PORT.`,
    cause,
  });
}

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

/** True if only this machine reaches a host on which a server listens. */
export function isLoopback(host: string): boolean {
  const family = isIP(host);
  if (family === 0) return host === 'localhost';
  return LOOPBACK.check(host, family === 6 ? 'ipv6' : 'ipv4');
}
