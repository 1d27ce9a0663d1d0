import { accessSync, constants, existsSync, readFileSync, statfsSync, statSync } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { openStore } from '../backends/local/index.ts';
import { inTime } from '../calls/index.ts';
import type { Config } from '../config/index.ts';
import { fileSystemName, hasNotifications, silentRoots } from '../discover/index.ts';
import { messageOf } from '../errors.ts';
import { type Damage, isPending, type RunRef, runLabel, systemPath } from '../model/index.ts';
import { ReaderPool } from '../reading/index.ts';
import { realPath } from '../real-path.ts';
import { StateFile } from '../state/index.ts';
import { reasonOf } from '../system-error.ts';
import { DEFAULT_LINKS } from '../untrusted/index.ts';
import { look } from './doctor-roots.ts';
import { type Finding, failureFinding } from './finding.ts';
import { damageReason, formatBytes, formatCount } from './terminal/index.ts';

/** Less free space than this is worth a word. */
const LITTLE_BYTES = 1024 ** 3;
const MOST_TROUBLES = 5;

/** Whether our own files are sound, can be written, and who uses them. */
export async function fileFindings({ state, lanes }: Pick<Config, 'state' | 'lanes'>): Promise<Finding[]> {
  const pool = new ReaderPool();
  // State and store know the same roots.
  const looks = new Map<string, Promise<boolean>>();
  const isEmptied: IsEmptied = (path) => {
    const before = looks.get(path) ?? isEmptyRoot(path, pool);
    looks.set(path, before);
    return before;
  };
  try {
    const findings = [await stateFinding(state.path, isEmptied)];
    if (lanes.local !== undefined) findings.push(await storeFinding(lanes.local.path, isEmptied));
    return findings;
  } finally {
    await pool.close();
  }
}

type IsEmptied = (path: string) => Promise<boolean>;

function stateFinding(path: string, isEmptied: IsEmptied): Promise<Finding> {
  return fileFinding('state', path, async () => {
    const reader = StateFile.openForReading(path);
    try {
      const problems = reader.check();
      if (problems.length > 0)
        return {
          more: problems.slice(0, 3).map(({ where, what }) => `${where}: ${what}`),
          hint: 'mirrorboard state check names all of it.',
        };
      const { damage, roots } = reader.summary();
      return await troubles(
        damage.map(({ run, name, damage: item }) => ({ ...item, run, file: name })),
        roots,
        isEmptied,
      );
    } finally {
      reader.close();
    }
  });
}

function storeFinding(path: string, isEmptied: IsEmptied): Promise<Finding> {
  return fileFinding('store', path, async () => {
    const reader = openStore(path);
    try {
      const roots = reader.roots().map((root) => ({ ...root, files: reader.fileCount(root.name, '') }));
      const damage = roots.flatMap(({ name }) => reader.damage(name));
      return await troubles(damage, roots, isEmptied);
    } finally {
      reader.close();
    }
  });
}

/** What is wrong inside of a file that is there; nothing where `more` is empty. */
interface Inside {
  readonly more: readonly string[];
  /** What is no problem of ours, and worth knowing. */
  readonly notes?: readonly string[];
  readonly hint?: string;
}

/** What could not be read when it was to be mirrored: said as long as it is so. */
async function troubles(
  damage: readonly (Damage & { readonly run: RunRef; readonly file: string })[],
  roots: readonly { readonly name: string; readonly path: string; readonly files: number }[],
  isEmptied: IsEmptied,
): Promise<Inside> {
  const silent = await silentRoots(roots);
  const places = new Map(roots.flatMap(({ name, path }) => (silent.has(path) ? [] : [[name, path] as const])));
  const unreadable: (typeof damage)[number][] = [];
  for (const item of damage) {
    const root = places.get(item.run.root);
    if (item.reason === 'unreadable' && root !== undefined && (await isThere(join(root, item.run.path, item.file)))) unreadable.push(item);
  }
  const empty: (typeof roots)[number][] = [];
  for (const root of roots) {
    if (root.files > 0 && places.has(root.name) && (await isThere(root.path)) && (await isEmptied(root.path))) empty.push(root);
  }
  const more = [
    ...unreadable.map((item) => `Not mirrored: ${runLabel(item.run)}/${item.file}: ${damageReason(item)}`),
    ...empty.map(({ name, path, files }) => `Of the ${formatCount(files)} files of ${name} none is in ${path}.`),
  ];
  const notes = await damagedFiles(damage, places);
  if (more.length === 0) return { more, notes };
  const shown =
    more.length > MOST_TROUBLES ? [...more.slice(0, MOST_TROUBLES), `… and ${formatCount(more.length - MOST_TROUBLES)} more`] : more;
  const hint =
    unreadable.length > 0
      ? 'Let the user that runs mirrorboard read them, or mend the disk or the file server; then backfill.'
      : 'See whether its file system is mounted.';
  return { more: shown, hint, notes };
}

/** Records that are damaged: whoever wrote or copied the files has to put them right. */
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
  const what =
    there.length === 1 ? '1 file has records that are damaged' : `${formatCount(there.length)} files have records that are damaged`;
  return [`${what}: mirrorboard inspect ${first} says which. Copy such a file again from where it was written.`];
}

/** A place that can't be looked at is no empty one: its own finding says so. */
async function isEmptyRoot(path: string, pool: ReaderPool): Promise<boolean> {
  try {
    // One file is enough to know.
    const { files, isWhole, obstacles } = await look({ root: path, links: DEFAULT_LINKS }, pool, 0);
    return files === 0 && isWhole && obstacles.length === 0;
  } catch {
    return false;
  }
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
      ...(isShared ? [`It lies on ${kind}: SQLite needs locks that work, which such file systems do not promise.`] : []),
      ...(free < LITTLE_BYTES ? [`Only ${formatBytes(free)} are free.`] : []),
    ];
    return {
      area: 'file',
      name,
      state: troubles.length > 0 ? 'problem' : notes.length > 0 ? 'note' : 'ok',
      text: [
        isMade ? `${path} has ${formatBytes(statSync(path).size)} and can be written` : `${path} is not there yet and can be made`,
        `${formatBytes(free)} free on ${kind}`,
        ...(holder === undefined ? [] : [`${holder} uses it now`]),
      ].join(', '),
      more: [...troubles, ...notes],
      hint: hint ?? (isShared ? 'Keep store and state on a local disk.' : undefined),
      facts: { path, exists: isMade, free_bytes: free, file_system: kind, in_use_by: holder ?? null },
    };
  } catch (error) {
    const finding = failureFinding('file', name, error);
    // What the system says of a file has no code of ours.
    if (finding.facts?.['code'] !== 'MB4005') return { ...finding, facts: { ...finding.facts, path } };
    const text = `${isMade ? path : folder} can not be written: ${reasonOf(error)}`;
    return { ...finding, text, hint: `Let the user that runs mirrorboard write to ${folder}.`, facts: { path } };
  }
}

/** The folder a file lies in, or the nearest one above that is there: the others are made. */
function nearestFolder(path: string): string {
  let folder = dirname(resolve(path));
  while (!existsSync(folder) && dirname(folder) !== folder) folder = dirname(folder);
  return folder;
}

/** Who holds the lock of a file, in words. Looks only: the lock is a database that its holder keeps in a transaction. */
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
    // the name is a courtesy
  }
  return 'another mirrorboard';
}
