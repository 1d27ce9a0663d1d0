import { accessSync, constants, existsSync, readFileSync, statfsSync, statSync } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { openStore } from '../backends/local/index.ts';
import { inTime } from '../calls/index.ts';
import { type Config, linksOf } from '../config/index.ts';
import type { KnownRoot } from '../contract/index.ts';
import { fileSystemName, filterOf, globsOf, hasNotifications, type RunRules, silentRoots } from '../discover/index.ts';
import { messageOf } from '../errors.ts';
import { type Damage, isPending, type RunRef, runLabel } from '../model/index.ts';
import { countKnown } from '../moves/index.ts';
import { systemPath } from '../name-bytes.ts';
import { ReaderPool } from '../reading/index.ts';
import { realPath } from '../real-path.ts';
import { StateFile, type StateReader } from '../state/index.ts';
import { isGone, reasonOf } from '../system-error.ts';
import { type Look, look } from './doctor-roots.ts';
import { type Finding, failureFinding } from './finding.ts';
import { damageReason, formatBytes, formatCount } from './terminal/index.ts';

/** The free space below which a finding mentions it. */
const LITTLE_BYTES = 1024 ** 3;
const MOST_TROUBLES = 5;

/** Checks that our own files are valid and writable, and reports who uses them. */
export async function fileFindings(config: Pick<Config, 'state' | 'lanes' | 'rules' | 'links' | 'roots' | 'sources'>): Promise<Finding[]> {
  const { state, lanes } = config;
  const pool = new ReaderPool();
  // State and store know the same roots.
  const looks = new Map<string, Promise<Look>>();
  const ways: Ways = {
    rules: config.rules,
    look: (root) => {
      const asked = { root: root.path, links: linksOf(config)(root.path), ...globsOf(config.rules, root) };
      const before = looks.get(root.path) ?? look(asked, pool);
      looks.set(root.path, before);
      return before;
    },
  };
  try {
    const findings = [await stateFinding(state.path, ways)];
    if (lanes.local !== undefined) findings.push(await storeFinding(lanes.local.path, ways));
    return findings;
  } finally {
    await pool.close();
  }
}

/** The checks of known roots. */
interface Ways {
  readonly rules: RunRules;
  look(root: KnownRoot): Promise<Look>;
}

function stateFinding(path: string, ways: Ways): Promise<Finding> {
  return fileFinding('state', path, async () => {
    const reader = StateFile.openForReading(path);
    try {
      const problems = reader.check();
      if (problems.length > 0)
        return {
          more: problems.slice(0, 3).map(({ where, what }) => `${where}: ${what}`),
          hint: 'Run mirrorboard state check to list all problems.',
        };
      const { damage } = reader.summary();
      return await troubles(
        reader,
        damage.map(({ run, name, damage: item }) => ({ ...item, run, file: name })),
        ways,
      );
    } finally {
      reader.close();
    }
  });
}

function storeFinding(path: string, ways: Ways): Promise<Finding> {
  return fileFinding('store', path, async () => {
    const reader = openStore(path);
    try {
      const damage = reader.roots().flatMap(({ name }) => reader.damage(name));
      return await troubles(reader, damage, ways);
    } finally {
      reader.close();
    }
  });
}

/** The problems inside a file that exists; none if `more` is empty. */
interface Inside {
  readonly more: readonly string[];
  /** Notes that are not a problem of mirrorboard. */
  readonly notes?: readonly string[];
  readonly hint?: string;
}

const TO_READ = 'Give the user that runs mirrorboard read permission, or repair the disk or the file server; then run backfill.';
const TO_MOUNT = 'Check that its file system is mounted.';

/**
 * Returns findings about files that could not be read when they should have been mirrored: reported as long as that
 * lasts.
 */
async function troubles(
  known: Pick<StateReader, 'roots' | 'knownFiles' | 'unreadRoots'>,
  damage: readonly (Damage & { readonly run: RunRef; readonly file: string })[],
  ways: Ways,
): Promise<Inside> {
  const roots = known.roots();
  const silent = await silentRoots(roots);
  const places = new Map(roots.flatMap(({ name, path }) => (silent.has(path) ? [] : [[name, path] as const])));
  const unread: string[] = [];
  for (const item of damage) {
    const root = places.get(item.run.root);
    if (item.reason === 'unreadable' && root !== undefined && (await isThere(join(root, item.run.path, item.file))))
      unread.push(`Not mirrored: ${runLabel(item.run)}/${item.file}: ${damageReason(item)}`);
  }
  const away: string[] = [];
  for (const root of roots) {
    const files = countKnown(known, { ...root, below: '' }, filterOf(ways.rules, root));
    const remembered = known.unreadRoots().get(root.name);
    if (files === 0 && remembered === undefined) continue;
    const found = silent.has(root.path) ? { isSilent: true } : await lookAt(root, { files, remembered }, ways);
    if (found.isSilent === true) unread.push(`${root.path} does not answer.`);
    for (const line of found.unread ?? []) unread.push(line);
    if (found.away !== undefined) away.push(found.away);
  }
  const more = [...unread, ...away];
  const notes = await damagedFiles(damage, places);
  if (more.length === 0) return { more, notes };
  const shown =
    more.length > MOST_TROUBLES ? [...more.slice(0, MOST_TROUBLES), `… and ${formatCount(more.length - MOST_TROUBLES)} more`] : more;
  return { more: shown, hint: unread.length > 0 ? TO_READ : TO_MOUNT, notes };
}

/** The problem with a known root. */
interface RootTrouble {
  readonly isSilent?: boolean;
  readonly unread?: readonly string[];
  /** Set if it, or all of its files, cannot be found. */
  readonly away?: string;
}

/** Checks a root. `remembered`: what could not be read at its last read. */
async function lookAt(
  root: KnownRoot,
  { files, remembered }: { readonly files: number; readonly remembered: string | undefined },
  { look }: Ways,
): Promise<RootTrouble> {
  const { name, path } = root;
  try {
    await inTime(path, () => lstat(systemPath(path)));
  } catch (error) {
    return isGone(error)
      ? { away: `${path}, the path of ${name}, does not exist.` }
      : { unread: [`Not mirrored: ${name}: ${reasonOf(error)}`] };
  }
  const { obstacles, isWhole, ...found } = await look(root);
  const unread = obstacles.filter(({ isLeft }) => isLeft !== true);
  if (unread.length > 0) return { unread: unread.map((one) => `Not mirrored: ${runLabel({ root: name, path: one.path })}: ${one.reason}`) };
  // A short look may not reach what could not be read.
  if (!isWhole && remembered !== undefined) return { unread: [`Not mirrored by the last pass over ${name}: ${remembered}`] };
  if (files === 0 || !isWhole || found.files > 0 || obstacles.length > 0) return {};
  const none = files === 1 ? `The file of ${name} is not` : `None of the ${formatCount(files)} files of ${name} is`;
  return { away: `${none} in ${path}.` };
}

/** Returns findings about corrupt records: their files must be copied or written again. */
async function damagedFiles(
  damage: readonly (Damage & { readonly run: RunRef; readonly file: string })[],
  places: ReadonlyMap<string, string>,
): Promise<readonly string[]> {
  const files = new Set<string>();
  for (const { run, file, reason } of damage) {
    const root = places.get(run.root);
    if (root !== undefined && reason !== 'unreadable' && !isPending({ reason })) files.add(join(root, run.path, file));
  }
  const there: string[] = [];
  for (const file of files) if (await isThere(file)) there.push(file);
  const [first] = there;
  if (first === undefined) return [];
  const what = there.length === 1 ? '1 file has damaged records' : `${formatCount(there.length)} files have damaged records`;
  return [`${what}: mirrorboard inspect ${first} shows them. Copy the file again from its source.`];
}

async function isThere(path: string): Promise<boolean> {
  try {
    await inTime(path, () => lstat(systemPath(path)));
    return true;
  } catch {
    return false;
  }
}

async function fileFinding(name: string, path: string, inside: () => Promise<Inside>): Promise<Finding> {
  const isMade = existsSync(path);
  const folder = nearestFolder(path);
  try {
    accessSync(isMade ? path : folder, constants.W_OK);
    accessSync(folder, constants.W_OK | constants.X_OK);
    const { more: troubles, notes: known = [], hint }: Inside = isMade ? await inside() : { more: [] };
    const { bavail, bsize } = statfsSync(folder);
    const free = bavail * bsize;
    const kind = fileSystemName(folder);
    const holder = lockHolder(path);
    const isShared = !hasNotifications(folder);
    const notes = [
      ...known,
      ...(isShared ? [`It is on ${kind}: SQLite needs reliable locks, which this kind of file system does not guarantee.`] : []),
      ...(free < LITTLE_BYTES ? [`Only ${formatBytes(free)} free.`] : []),
    ];
    return {
      area: 'file',
      name,
      state: troubles.length > 0 ? 'problem' : notes.length > 0 ? 'note' : 'ok',
      text: [
        isMade ? `${path} has ${formatBytes(statSync(path).size)} and is writable` : `${path} does not exist yet and can be created`,
        `${formatBytes(free)} free on ${kind}`,
        ...(holder === undefined ? [] : [`in use by ${holder}`]),
      ].join(', '),
      more: [...troubles, ...notes],
      hint: hint ?? (isShared ? 'Keep store and state on a local disk.' : undefined),
      facts: { path, exists: isMade, free_bytes: free, file_system: kind, in_use_by: holder ?? null },
    };
  } catch (error) {
    const finding = failureFinding('file', name, error);
    // A system's message about a file has no code of ours.
    if (finding.facts?.['code'] !== 'MB4005') return { ...finding, facts: { ...finding.facts, path } };
    const text = `${isMade ? path : folder} is not writable: ${reasonOf(error)}`;
    return { ...finding, text, hint: `Give the user that runs mirrorboard write permission for ${folder}.`, facts: { path } };
  }
}

/** Returns the folder of a file, or the nearest existing one above it: mirrorboard creates the others. */
function nearestFolder(path: string): string {
  let folder = dirname(resolve(path));
  while (!existsSync(folder) && dirname(folder) !== folder) folder = dirname(folder);
  return folder;
}

/**
 * Describes the process that holds the lock of a file. Read-only: the lock is a database that its holder keeps in a
 * transaction.
 */
function lockHolder(path: string): string | undefined {
  const lock = `${realPath(path, path)}.lock`;
  if (!existsSync(lock)) return undefined;
  try {
    const db = new DatabaseSync(lock, { readOnly: true });
    try {
      db.exec('PRAGMA busy_timeout = 0; SELECT count(*) FROM sqlite_schema');
      return undefined;
    } finally {
      db.close();
    }
  } catch (error) {
    return /locked|busy/i.test(messageOf(error)) ? ownerOf(lock) : undefined;
  }
}

function ownerOf(lock: string): string {
  try {
    const owner: unknown = JSON.parse(readFileSync(`${lock}.owner`, 'utf8'));
    if (typeof owner === 'object' && owner !== null && 'pid' in owner && 'host' in owner) {
      return `mirrorboard, process ${formatCount(Number(owner.pid)).replaceAll(',', '')} on ${String(owner.host)}`;
    }
  } catch {
    // the name is optional
  }
  return 'another mirrorboard';
}
