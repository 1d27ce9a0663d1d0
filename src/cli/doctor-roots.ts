import { steadyMs } from '../clock.ts';
import type { Root } from '../config/index.ts';
import {
  fileSystemName,
  hasNotifications,
  MOST_HEARD,
  notificationLimits,
  type Obstacle,
  resolveRoots,
  silentRoots,
} from '../discover/index.ts';
import { MirrorError } from '../errors.ts';
import { PatientReader } from '../reading/index.ts';
import { reasonOf } from '../system-error.ts';
import { DEFAULT_LINKS, type LinkRule, type LinkRules } from '../untrusted/index.ts';
import { type Finding, failureFinding } from './finding.ts';
import { formatCount, obstacleText } from './terminal/index.ts';

/** How far a look into a root goes: it is to say whether it is the right one, not to count it. */
const LOOK_MS = 2_000;
const LOOK_FILES = 20_000;

/** Whether roots are there, can be read, what they lie on, and whether event files are in them. */
export async function rootFindings(roots: readonly Root[], linksOf: LinkRules, now: () => number = steadyMs): Promise<Finding[]> {
  const silent = await silentRoots(roots);
  const findings: Finding[] = [];
  for (const root of roots) findings.push(silent.has(root.path) ? silence(root) : await rootFinding(root, linksOf, now));
  if (findings.every(({ state }) => state !== 'problem')) {
    try {
      resolveRoots(roots, []);
    } catch (error) {
      findings.push(failure('', error));
    }
  }
  if (process.platform === 'linux' && findings.some(({ facts }) => facts?.['notifications'] === true)) findings.push(watchLimits());
  return findings;
}

function silence({ name, path }: Root): Finding {
  return {
    area: 'root',
    name: name ?? path,
    state: 'problem',
    text: `${path} does not answer`,
    hint: 'Look whether its file server is there; what lies there is mirrored when it answers.',
    facts: { path },
  };
}

async function rootFinding(root: Root, linksOf: LinkRules, now: () => number): Promise<Finding> {
  const name = root.name ?? root.path;
  let path: string;
  try {
    path = resolveRoots([root], [])[0]?.path ?? root.path;
    const kind = fileSystemName(path);
    const notifies = hasNotifications(path);
    const { directories, runs, files, isWhole, obstacles } = await look(path, linksOf(path), now);
    const [left = [], unread = []] = [true, false].map((isLeft) => obstacles.filter((obstacle) => (obstacle.isLeft === true) === isLeft));
    const least = isWhole ? '' : 'at least ';
    const more = [
      ...(files === 0 && isWhole ? ['No event files are in it: mirrorboard inspect says why.'] : []),
      ...(files === 0 && !isWhole ? ['No event files were found in a short look.'] : []),
      ...(notifies && directories > MOST_HEARD
        ? [
            `${isWhole ? '' : 'At least '}${formatCount(directories)} directories, of which watch listens to ${formatCount(MOST_HEARD)}: a new run in the others is seen by the next scan.`,
          ]
        : []),
      ...unread.slice(0, 3).map(obstacleText),
      ...left.slice(0, 3).map(obstacleText),
    ];
    return {
      area: 'root',
      name,
      state: unread.length > 0 ? 'problem' : more.length > 0 ? 'note' : 'ok',
      text: `${path} is there, on ${kind}, watched by ${notifies ? 'notifications' : 'polling'}; ${least}${formatCount(files)} event files of ${formatCount(runs)} runs`,
      more,
      hint: unread.length > 0 ? 'Let the user that runs mirrorboard read them.' : undefined,
      facts: { path, file_system: kind, notifications: notifies, directories, runs, event_files: files, counted_all: isWhole, obstacles },
    };
  } catch (error) {
    return failure(name, error);
  }
}

function failure(name: string, error: unknown): Finding {
  if (error instanceof MirrorError) return failureFinding('root', name, error);
  return { area: 'root', name, state: 'problem', text: reasonOf(error) };
}

interface Look {
  readonly directories: number;
  readonly runs: number;
  readonly files: number;
  readonly isWhole: boolean;
  readonly obstacles: readonly Obstacle[];
}

export async function look(path: string, links: LinkRule = DEFAULT_LINKS, now: () => number = steadyMs): Promise<Look> {
  const endMs = now() + LOOK_MS;
  let runs = 0;
  let files = 0;
  let directories = 0;
  const obstacles: Obstacle[] = [];
  const reader = new PatientReader();
  try {
    for await (const piece of reader.walk({ root: path, below: '', include: [], exclude: [], ignore: [], links })) {
      ({ directories } = piece);
      runs += piece.runs.length;
      for (const run of piece.runs) files += run.files.length;
      for (const obstacle of piece.obstacles) obstacles.push(obstacle);
      if (now() > endMs || files > LOOK_FILES) return { directories, runs, files, isWhole: false, obstacles };
    }
    return { directories, runs, files, isWhole: true, obstacles };
  } finally {
    await reader.close();
  }
}

function watchLimits(): Finding {
  const { watches, instances } = notificationLimits();
  // Half of them is left to other programs of the user.
  const isShort = watches !== undefined && watches / 2 < MOST_HEARD;
  return {
    area: 'root',
    name: '',
    state: isShort ? 'note' : 'ok',
    text:
      watches === undefined
        ? 'the limits of notifications are not known'
        : `${formatCount(watches)} directories can be watched by notifications, half of them by mirrorboard; others are polled`,
    hint: isShort ? `More: sysctl fs.inotify.max_user_watches=${MOST_HEARD * 8}` : undefined,
    facts: { max_user_watches: watches ?? null, max_user_instances: instances ?? null },
  };
}
