import { BlockList, isIP } from 'node:net';

/** The kinds of addresses that a machine reserves for itself: programs that trust every client listen there. */
export type Nearness = 'loopback' | 'linkLocal' | 'metadata' | 'noHost';

/** Addresses of cloud services that reveal a machine's own secrets, in addition to the link-local ones. */
const METADATA = ['100.100.100.200', '168.63.129.16', '192.0.0.192', 'fd00:ec2::254', 'fd20:ce::254'];

const RANGES: readonly (readonly [Nearness, string, number, 'ipv4' | 'ipv6'])[] = [
  ['loopback', '127.0.0.0', 8, 'ipv4'],
  // The system treats it as this machine.
  ['loopback', '0.0.0.0', 8, 'ipv4'],
  ['loopback', '::1', 128, 'ipv6'],
  ['loopback', '::', 128, 'ipv6'],
  ['linkLocal', '169.254.0.0', 16, 'ipv4'],
  ['linkLocal', 'fe80::', 10, 'ipv6'],
  ['linkLocal', 'fec0::', 10, 'ipv6'],
  ['noHost', '224.0.0.0', 4, 'ipv4'],
  ['noHost', '240.0.0.0', 4, 'ipv4'],
  ['noHost', 'ff00::', 8, 'ipv6'],
];

const LISTS: ReadonlyMap<Nearness, BlockList> = new Map(
  (['metadata', 'loopback', 'linkLocal', 'noHost'] as const).map((near) => {
    const list = new BlockList();
    for (const [kind, base, bits, family] of RANGES) if (kind === near) list.addSubnet(base, bits, family);
    if (near === 'metadata') for (const address of METADATA) list.addAddress(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
    return [near, list] as const;
  }),
);

/**
 * IPv6 addresses that contain an IPv4 address, recognized by the groups before it: mapped, compatible, translated
 * (NAT64), 6to4.
 */
const CARRIERS = [
  /^(?:0:){5}ffff:([0-9a-f]+):([0-9a-f]+)$/,
  /^(?:0:){6}([0-9a-f]+):([0-9a-f]+)$/,
  /^64:ff9b:(?:[0-9a-f]+:){4}([0-9a-f]+):([0-9a-f]+)$/,
  /^2002:([0-9a-f]+):([0-9a-f]+):/,
];

/**
 * Returns the nearness of an address to this machine; undefined for every ordinary one. Private networks are
 * ordinary: trackers keep their files there.
 */
export function nearnessOf(address: string): Nearness | undefined {
  const plain = address.replace(/^\[|\]$/g, '').split('%', 1)[0] ?? '';
  const family = isIP(plain);
  if (family === 0) return undefined;
  for (const [near, list] of LISTS) if (list.check(plain, family === 6 ? 'ipv6' : 'ipv4')) return near;
  const carried = family === 6 ? carriedIn(plain) : undefined;
  return carried === undefined ? undefined : nearnessOf(carried);
}

function carriedIn(address: string): string | undefined {
  const groups = groupsOf(address);
  for (const carrier of CARRIERS) {
    const found = carrier.exec(groups);
    if (found === null) continue;
    const [high, low] = [Number.parseInt(found[1] ?? '', 16), Number.parseInt(found[2] ?? '', 16)];
    return [high >> 8, high & 255, low >> 8, low & 255].join('.');
  }
  return undefined;
}

/** Returns all eight groups, without leading zeros. */
function groupsOf(address: string): string {
  // The URL parser writes a dotted end as two groups.
  const short = new URL(`http://[${address}]/`).hostname.slice(1, -1);
  const [head = '', tail] = short.split('::');
  const before = head === '' ? [] : head.split(':');
  if (tail === undefined) return before.join(':');
  const after = tail === '' ? [] : tail.split(':');
  return [...before, ...Array.from({ length: 8 - before.length - after.length }, () => '0'), ...after].join(':');
}
