/** The target of objects, as an address names it. */
export interface ObjectAddress {
  readonly bucket: string;
  /** Without slashes at its ends; may be empty. */
  readonly prefix: string;
  /** The server named in the address: `http://minio:9000`. */
  readonly endpoint: string | undefined;
}

/**
 * Parses `s3://bucket/prefix`, or `s3://host:port/bucket/prefix` for servers other than Amazon's; port 443 means
 * https. Returns undefined for any other text.
 */
export function parseObjectUrl(url: string): ObjectAddress | undefined {
  const found = /^s3:\/\/([^/?#@\s]+)(?:\/([^?#]*))?$/i.exec(url);
  if (found === null) return undefined;
  const host = found[1] as string;
  const parts = (found[2] ?? '').split('/').filter((part) => part !== '');
  if (/:\d+$/.test(host)) {
    const [bucket, ...rest] = parts;
    if (bucket === undefined) return undefined;
    const scheme = host.endsWith(':443') ? 'https' : 'http';
    return { bucket, prefix: rest.join('/'), endpoint: `${scheme}://${host}` };
  }
  return { bucket: host, prefix: parts.join('/'), endpoint: undefined };
}

/** What `isObjectEndpoint` expects, for messages. */
export const OBJECT_ENDPOINT = 'an address such as https://s3.example.com:9000, without user and password';

/**
 * True for the address of a server of objects. Credentials are not part of it: the address is shown, and kept in the
 * state.
 */
export function isObjectEndpoint(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || !['http:', 'https:'].includes(url.protocol)) return false;
  return url.username === '' && url.password === '' && url.search === '' && url.hash === '';
}
