// A log directory as an attacker would leave it, with honest runs in the middle of it.
import { execFileSync } from 'node:child_process';
import { closeSync, ftruncateSync, mkdirSync, openSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { event, eventFile, simpleValue } from '../support/event-writer.ts';

type Random = () => number;

/** What a tree may hold. Each is made in a directory of its own, under a name by which a failure tells what it was. */
export const HOSTILE: Readonly<Record<string, (folder: string, random: Random) => void>> = {
  loopOfLinks: (folder) => symlinkSync('.', join(folder, 'loop')),
  linkToNowhere: (folder) => symlinkSync('/no/such/place', join(folder, 'events.out.tfevents.1.dangling')),
  linkAsEventFile: (folder) => symlinkSync('/etc/passwd', join(folder, 'events.out.tfevents.1.link')),
  fifoAsEventFile: (folder) => void execFileSync('mkfifo', [join(folder, 'events.out.tfevents.1.fifo')]),
  fifoAsParams: (folder) => void execFileSync('mkfifo', [join(folder, 'hparams.yaml')]),
  directoryAsEventFile: (folder) => mkdirSync(join(folder, 'events.out.tfevents.1.folder')),
  deviceByLink: (folder) => symlinkSync('/dev/zero', join(folder, 'events.out.tfevents.1.zero')),
  secretByLink: (folder) => symlinkSync('/etc/shadow', join(folder, 'model.pth')),
  procByLink: (folder) => symlinkSync('/proc', join(folder, 'proc')),
  garbage: (folder, random) => writeFileSync(join(folder, 'events.out.tfevents.1.garbage'), noise(random, 20_000)),
  flippedBytes: (folder, random) => {
    const bytes = Buffer.from(honestFile(random, 200));
    for (let i = 0; i < 20; i++) bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
    writeFileSync(join(folder, 'events.out.tfevents.1.flipped'), bytes);
  },
  tornEnd: (folder, random) =>
    writeFileSync(join(folder, 'events.out.tfevents.1.torn'), honestFile(random, 50).subarray(0, -Math.ceil(random() * 30))),
  lyingLength: (folder) => {
    const head = Buffer.alloc(12);
    head.writeBigUInt64LE(2_000_000_000n);
    writeFileSync(join(folder, 'events.out.tfevents.1.lying'), head);
  },
  sparseFile: (folder) => sparse(join(folder, 'events.out.tfevents.1.sparse'), 2 ** 31),
  sparseArtifact: (folder) => sparse(join(folder, 'huge.pth'), 2 ** 40),
  hostileTags: (folder) => {
    const tags = ['a-'.repeat(20_000), 'loss'.repeat(10_000), '=cmd|x', '\u001b]0;x\u0007', '\u202e', '__proto__', 'http://u:p@h', ''];
    const events = tags.map((tag, step) => event({ wallTime: 1, step, summary: [simpleValue(tag, 1)] }));
    writeFileSync(join(folder, 'events.out.tfevents.1.tags'), eventFile(...events));
  },
  manyTags: (folder) => {
    const events = Array.from({ length: 3000 }, (_, step) => event({ wallTime: 1, step, summary: [simpleValue(`tag/${step}`, step)] }));
    writeFileSync(join(folder, 'events.out.tfevents.1.many'), eventFile(...events));
  },
  aliasBomb: (folder) => {
    const levels = Array.from({ length: 9 }, (_, i) => `a${i + 1}: &a${i + 1} [${Array.from({ length: 9 }, () => `*a${i}`).join(', ')}]`);
    writeFileSync(join(folder, 'hparams.yaml'), `a0: &a0 [x]\n${levels.join('\n')}\n`);
  },
  deepJson: (folder) => writeFileSync(join(folder, 'params.json'), '['.repeat(100_000)),
  strangeName: (folder) => writeFileSync(join(folder, 'events.out.tfevents.1.\u001b[2J\u202e\n'), ''),
};

/** Names of the hostile things that are in a tree, and how many points its honest runs have. */
export interface HostileTree {
  readonly hostile: readonly string[];
  readonly honestPoints: number;
}

export function makeHostileTree(root: string, random: Random): HostileTree {
  const names = Object.keys(HOSTILE).filter(() => random() < 0.4);
  for (const name of names) {
    const folder = join(root, `hostile-${name}`);
    mkdirSync(folder, { recursive: true });
    HOSTILE[name]?.(folder, random);
  }
  let honestPoints = 0;
  for (let run = 0; run < 3; run++) {
    const folder = join(root, `honest-${run}`);
    mkdirSync(folder, { recursive: true });
    const points = 20 + Math.floor(random() * 200);
    writeFileSync(join(folder, 'events.out.tfevents.1.honest'), honestFile(random, points));
    honestPoints += points;
  }
  return { hostile: names, honestPoints };
}

function honestFile(random: Random, points: number): Buffer {
  const events = Array.from({ length: points }, (_, step) =>
    event({ wallTime: 1_700_000_000 + step, step, summary: [simpleValue('loss', random())] }),
  );
  return Buffer.from(eventFile(...events));
}

function noise(random: Random, bytes: number): Buffer {
  return Buffer.from(Array.from({ length: bytes }, () => Math.floor(random() * 256)));
}

/** A file that says it is long, and takes no disk. */
function sparse(path: string, bytes: number): void {
  const file = openSync(path, 'w');
  try {
    ftruncateSync(file, bytes);
  } finally {
    closeSync(file);
  }
}
