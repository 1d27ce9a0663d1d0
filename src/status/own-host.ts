import { isIP } from 'node:net';
import { hostname } from 'node:os';

/** The host names under which a server answers. */
export interface HostRules {
  /** The host on which the server listens. */
  readonly host: string;
  /**
   * Further host names for requests: `mirrorboard.tracking.svc`, `.example.com` for all names below it, `*` for any.
   */
  readonly hosts?: readonly string[];
}

/**
 * True if a request may use this host: any address (a web page cannot redirect it), this machine's names, and those
 * that are configured.
 */
export function isOwnHost(header: string, { host, hosts = [] }: HostRules): boolean {
  if (header.length > 300) return false;
  const name = nameIn(header);
  if (isIP(name) !== 0 || name === 'localhost' || name.endsWith('.localhost')) return true;
  return [host, hostname(), ...hosts].some((known) => {
    const own = known.toLowerCase();
    return own === '*' || own === name || (own.startsWith('.') && own.length > 1 && name.endsWith(own));
  });
}

/** Returns the host without its port, in lower case. */
function nameIn(header: string): string {
  const text = header.toLowerCase();
  if (text.startsWith('[')) return text.slice(1, Math.max(1, text.indexOf(']')));
  const colon = text.indexOf(':');
  const name = colon < 0 ? text : text.slice(0, colon);
  return name.endsWith('.') ? name.slice(0, -1) : name;
}
