import { steadyMs } from '../clock.ts';
import { each } from '../concurrency/index.ts';
import type { Root } from '../config/index.ts';
import {
  fileSystemName,
  globsOf,
  hasNotifications,
  MOST_WATCHES,
  notificationLimits,
  type RunGlobs,
  type RunRules,
  resolveRoots,
  silentRoots,
  type WalkObstacle,
} from '../discover/index.ts';
import { MirrorError } from '../errors.ts';
import { MOST_READERS } from '../memory/index.ts';
import { shardText } from '../model/index.ts';
import { type AskedWalk, ReaderPool } from '../reading/index.ts';
import { reasonOf } from '../system-error.ts';
import type { LinkRules } from '../untrusted/index.ts';
import { type Finding, failureFinding } from './finding.ts';
import { formatCount, obstacleText } from './terminal/index.ts';

/** The limits of a look into a root: it only shows if the root is the right one, and does not count it. */
const LOOK_MS = 2_000;
const LOOK_FILES = 20_000;

/** Checks that roots exist, can be read, and contain event files, and reports their file systems. */
export async function rootFindings(roots: readonly Root[], rules: RunRules, linksOf: LinkRules): Promise<Finding[]> {
  const silent = await silentRoots(roots);
  const findings: Finding[] = [];
  const pool = new ReaderPool();
  try {
    // A few at a time: there may be thousands.
    await each([...roots.entries()], MOST_READERS, async ([i, root]) => {
      findings[i] = silent.has(root.path) ? silence(root) : await rootFinding(root, rules, linksOf, pool);
    });
  } finally {
    await pool.close();
  }
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
    hint: 'Check its file server; mirroring resumes when it answers.',
    facts: { path },
  };
}

async function rootFinding(root: Root, rules: RunRules, linksOf: LinkRules, pool: ReaderPool): Promise<Finding> {
  const name = root.name ?? root.path;
  let path: string;
  try {
    const [resolved = { name, path: root.path }] = resolveRoots([root], []);
    ({ path } = resolved);
    const globs = globsOf(rules, resolved);
    const kind = fileSystemName(path);
    const notifies = hasNotifications(path);
    const { directories, runs, files, isWhole, obstacles } = await look({ root: path, ...globs, links: linksOf(path) }, pool);
    const [left = [], unread = []] = [true, false].map((isLeft) => obstacles.filter((obstacle) => (obstacle.isLeft === true) === isLeft));
    const least = isWhole ? '' : 'at least ';
    const more = [
      ...(files === 0 && isWhole ? [noFiles(globs)] : []),
      ...(files === 0 && !isWhole ? ['A quick scan found no event files.'] : []),
      ...(notifies && directories > MOST_WATCHES
        ? [
            `${isWhole ? '' : 'At least '}${formatCount(directories)} directories, ${formatCount(MOST_WATCHES)} of them ` +
              `with change notifications: the next scan finds new runs in the others.`,
          ]
        : []),
      ...unread.slice(0, 3).map(obstacleText),
      ...left.slice(0, 3).map(obstacleText),
    ];
    return {
      area: 'root',
      name,
      state: unread.length > 0 ? 'problem' : more.length > 0 ? 'note' : 'ok',
      text:
        `${path} exists, on ${kind}, watched by ${notifies ? 'notifications' : 'polling'}; ` +
        `${least}${formatCount(files)} event files of ${formatCount(runs)} runs`,
      more,
      hint: unread.length > 0 ? 'Give the user that runs mirrorboard read permission, or repair the disk or the file server.' : undefined,
      facts: { path, file_system: kind, notifications: notifies, directories, runs, event_files: files, counted_all: isWhole, obstacles },
    };
  } catch (error) {
    return failure(name, error);
  }
}

/** Returns the reason for no files: a run that the rules exclude still exists. */
function noFiles({ include, exclude, shard }: RunGlobs): string {
  if (include.length + exclude.length > 0) return 'include and exclude skip all event files in it.';
  if (shard !== undefined) return `No run of it belongs to shard ${shardText(shard)}.`;
  return 'No event files: mirrorboard inspect shows why.';
}

function failure(name: string, error: unknown): Finding {
  if (error instanceof MirrorError) return failureFinding('root', name, error);
  return { area: 'root', name, state: 'problem', text: reasonOf(error) };
}

/** The result of a short look. */
export interface Look {
  readonly directories: number;
  readonly runs: number;
  readonly files: number;
  readonly isWhole: boolean;
  readonly obstacles: readonly WalkObstacle[];
}

/** Returns the content of a root as a short walk sees it: the walk ends after more than `mostFiles` files. */
export async function look(asked: AskedWalk, pool: ReaderPool, mostFiles = LOOK_FILES): Promise<Look> {
  let endMs = Infinity;
  let runs = 0;
  let files = 0;
  let directories = 0;
  let isWhole = false;
  let isEnough = false;
  const obstacles: WalkObstacle[] = [];
  const reader = pool.take();
  try {
    for await (const piece of reader.walk({ below: '', include: [], exclude: [], ignore: [], ...asked })) {
      // Only if there is more: a finished walk leaves its reader to the next one.
      isWhole = !isEnough;
      if (isEnough) break;
      ({ directories } = piece);
      runs += piece.runs.length;
      for (const run of piece.runs) files += run.files.length;
      for (const obstacle of piece.obstacles) obstacles.push(obstacle);
      // From the first piece on: on a busy machine, a thread takes long to start.
      if (endMs === Infinity) endMs = steadyMs() + LOOK_MS;
      isEnough = steadyMs() > endMs || files > mostFiles;
    }
    return { directories, runs, files, isWhole, obstacles };
  } finally {
    if (isWhole) pool.giveBack(reader);
    else await pool.drop(reader);
  }
}

function watchLimits(): Finding {
  const { watches, instances } = notificationLimits();
  // The other half is left to other programs of the user.
  const isShort = watches !== undefined && watches / 2 < MOST_WATCHES;
  return {
    area: 'root',
    name: '',
    state: isShort ? 'note' : 'ok',
    text:
      watches === undefined
        ? 'the limits for notifications are unknown'
        : `${formatCount(watches)} directories can have notifications, half of them for mirrorboard; others are polled`,
    hint: isShort ? `Raise the limit: sysctl fs.inotify.max_user_watches=${MOST_WATCHES * 8}` : undefined,
    facts: { max_user_watches: watches ?? null, max_user_instances: instances ?? null },
  };
}
