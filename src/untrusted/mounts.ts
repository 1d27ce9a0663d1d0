import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { steadyMs } from '../clock.ts';

/** File systems that show the kernel and its processes: reading there may say anything, and do anything. */
const OF_THE_KERNEL = new Set([
  ...[
    'proc',
    'sysfs',
    'devtmpfs',
    'devpts',
    'cgroup',
    'cgroup2',
    'cpuset',
    'debugfs',
    'tracefs',
    'securityfs',
    'bpf',
    'pstore',
    'efivarfs',
  ],
  ...['configfs', 'fusectl', 'mqueue', 'hugetlbfs', 'binfmt_misc', 'nsfs', 'selinuxfs', 'smackfs', 'rpc_pipefs', 'nfsd', 'binder'],
  ...['functionfs', 'resctrl', 'xenfs', 'usbfs', 'spufs', 'pipefs', 'sockfs', 'apparmorfs', 'openpromfs', 'oprofilefs', 'ibmasmfs'],
]);

/** So long a list of mounts is believed. */
const FRESH_MS = 1000;

/** What is mounted where, without touching it: a check of a dead server or an automount would not return. */
export class Mounts {
  readonly #types: ReadonlyMap<string, string>;

  /** `text`: that of /proc/self/mountinfo. */
  constructor(text: string) {
    const types = new Map<string, string>();
    for (const line of text.split('\n')) {
      const [before = '', behind = ''] = line.split(' - ');
      const point = before.split(' ')[4];
      // What was mounted last on one point is what is seen there.
      if (point !== undefined) types.set(unescaped(point), behind.split(' ')[0] ?? '');
    }
    this.#types = types;
  }

  /** The type of what is mounted right at a path; undefined if nothing is. */
  at(path: string): string | undefined {
    return this.#types.get(path);
  }

  /** The type of the file system that a real path is on, as far as the list says. */
  typeOf(path: string): string | undefined {
    for (let at = path; ; at = dirname(at)) {
      const type = this.#types.get(at);
      if (type !== undefined || at === '/' || at === '.') return type;
    }
  }
}

/** True if a file system of this type holds what the kernel says (`proc`), not files. */
export function isOfTheKernel(type: string | undefined): boolean {
  return type !== undefined && OF_THE_KERNEL.has(type);
}

let last: { readonly atMs: number; readonly mounts: Mounts } | undefined;

/**
 * The mounts of this moment, give or take a second. Where the system does not list them there are none that matter
 * here.
 */
export function mountsNow(): Mounts {
  const atMs = steadyMs();
  if (last !== undefined && atMs - last.atMs < FRESH_MS) return last.mounts;
  last = { atMs, mounts: new Mounts(mountinfo()) };
  return last.mounts;
}

function mountinfo(): string {
  try {
    return readFileSync('/proc/self/mountinfo', 'utf8');
  } catch {
    return ''; // no Linux, or no /proc: then nothing leads there either
  }
}

/** Spaces and the like are written as three octal digits. */
function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
