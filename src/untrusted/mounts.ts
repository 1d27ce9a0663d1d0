import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { steadyMs } from '../clock.ts';

/** File systems that represent the kernel and its processes: reading there may return anything, and do anything. */
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

/** The time for which a list of mounts is valid. */
const FRESH_MS = 1000;

/** The list of mounts, used without touching them: a check of a dead server or an automount would not return. */
export class Mounts {
  readonly #types: ReadonlyMap<string, string>;

  /** `text`: the content of /proc/self/mountinfo. */
  constructor(text: string) {
    const types = new Map<string, string>();
    for (const line of text.split('\n')) {
      const [before = '', behind = ''] = line.split(' - ');
      const point = before.split(' ')[4];
      // If several are mounted at one point, the last one is visible.
      if (point !== undefined) types.set(unescaped(point), behind.split(' ')[0] ?? '');
    }
    this.#types = types;
  }

  /** Returns the type of the file system mounted exactly at a path; undefined if there is none. */
  at(path: string): string | undefined {
    return this.#types.get(path);
  }

  /** Returns the type of the file system that contains a real path; undefined if the list does not tell. */
  typeOf(path: string): string | undefined {
    for (let at = path; ; at = dirname(at)) {
      const type = this.#types.get(at);
      if (type !== undefined || at === '/' || at === '.') return type;
    }
  }
}

/** True if a file system of this type shows the kernel's data (`proc`), not files. */
export function isOfTheKernel(type: string | undefined): boolean {
  return type !== undefined && OF_THE_KERNEL.has(type);
}

let last: { readonly atMs: number; readonly mounts: Mounts } | undefined;

/**
 * Returns the current mounts, at most a second old. If the system does not list them, there are none that matter
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
    return ''; // no Linux, or no /proc: then no link leads there either
  }
}

/** Decodes a path: spaces and similar characters are written as three octal digits. */
function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
