/** Finds the types of lanes: the built-in ones, and those of other packages. */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire, findPackageJSON } from 'node:module';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { closestName } from '../closest-name.ts';
import type { BackendType } from '../contract/index.ts';
import { MirrorError, messageOf, systemCode } from '../errors.ts';

/** The built-in types by name: each is loaded when a lane has it. */
const BUILT_IN: Readonly<Record<string, () => Promise<BackendType>>> = {
  clearml: async () => (await import('../backends/clearml/index.ts')).clearml as BackendType,
  aim: async () => (await import('../backends/aim/index.ts')).aim as BackendType,
  parquet: async () => (await import('../backends/parquet/index.ts')).parquet as BackendType,
  mlflow: async () => (await import('../backends/mlflow/index.ts')).mlflow as BackendType,
  trackio: async () => (await import('../backends/trackio/index.ts')).trackio as BackendType,
  wandb: async () => (await import('../backends/wandb/index.ts')).wandb as BackendType,
};

/** The function `backendType`, as callers pass it on. */
export type BackendTypeLoader = typeof backendType;

/** The folders in which packages are searched. */
interface PackageFolders {
  readonly cwd: string;
  /** The configuration file, relative to `cwd`; undefined if there is none. */
  readonly configFile: string | undefined;
}

/**
 * Returns a type by its name: a built-in one, else a package. A name that begins with `.` or `/` is a path, relative
 * to the configuration file. Any other name is searched in `node_modules`, from the working directory and from the
 * configuration file's directory.
 */
export async function backendType(name: string, locations: PackageFolders): Promise<BackendType> {
  const own = Object.hasOwn(BUILT_IN, name) ? BUILT_IN[name] : undefined;
  if (own !== undefined) return own();
  const file = locate(name, locations);
  let module: Record<string, unknown>;
  try {
    module = await import(pathToFileURL(file).href);
  } catch (cause) {
    throw unusable(name, `loading ${file} failed: ${messageOf(cause)}`, 'a module that can be imported', cause);
  }
  const candidates = [module['default'], module['backend'], ...Object.values(module)];
  const type = candidates.find(isBackendType);
  if (type !== undefined) return type;
  const first = candidates.find((candidate) => typeof candidate === 'object' && candidate !== null);
  throw unusable(
    name,
    first === undefined
      ? `${file} exports ${Object.keys(module).join(', ') || 'nothing'}`
      : `what ${file} exports has no ${missing(first).join(', ')}`,
    'a BackendType with type, parse, target and create',
  );
}

/** Returns the file that a package or a path begins with. */
function locate(name: string, { cwd, configFile }: PackageFolders): string {
  const configFolder = configFile === undefined ? cwd : dirname(resolve(cwd, configFile));
  if (name.startsWith('.') || isAbsolute(name)) {
    const path = resolve(configFolder, name);
    try {
      return createRequire(pathToFileURL(join(configFolder, 'mirrorboard.yaml'))).resolve(path);
    } catch (cause) {
      // Node's message would name a file in the folder, as if the module had asked for it.
      const reason = systemCode(cause) === 'MODULE_NOT_FOUND' ? undefined : cause;
      throw unusable(name, `no such module: ${path}`, 'the path of a module, relative to the configuration file', reason);
    }
  }
  for (const folder of new Set([cwd, configFolder])) {
    const base = pathToFileURL(join(folder, 'mirrorboard.yaml'));
    const manifest = packageFile(name, base);
    if (manifest === undefined) continue;
    const entry = entryOf(manifest);
    if (entry !== undefined && existsSync(entry)) return entry;
    throw unusable(name, `${manifest} names no entry that exists`, 'a package with a main file');
  }
  throw unknownType(name, [...new Set([cwd, configFolder])]);
}

function packageFile(name: string, base: URL): string | undefined {
  try {
    const file = findPackageJSON(name, base);
    return file !== undefined && existsSync(file) ? file : undefined;
  } catch {
    return undefined; // not there, or no name of a package
  }
}

/** Returns the main file of a package: its `exports` as `import` reads them, else `main`. */
function entryOf(manifest: string): string | undefined {
  let fields: { exports?: unknown; main?: unknown };
  try {
    fields = JSON.parse(readFileSync(manifest, 'utf8'));
  } catch {
    return undefined;
  }
  const { exports, main } = fields;
  const target =
    exports === undefined ? (typeof main === 'string' ? main : 'index.js') : conditional(isSubpaths(exports) ? exports['.'] : exports);
  return target === undefined ? undefined : join(dirname(manifest), target);
}

function isSubpaths(exports: unknown): exports is Record<string, unknown> {
  return typeof exports === 'object' && exports !== null && Object.keys(exports).some((key) => key.startsWith('.'));
}

function conditional(target: unknown): string | undefined {
  if (typeof target === 'string') return target;
  if (typeof target !== 'object' || target === null) return undefined;
  for (const [condition, below] of Object.entries(target)) {
    if (!['node', 'import', 'module-sync', 'default'].includes(condition)) continue;
    const found = conditional(below);
    if (found !== undefined) return found;
  }
  return undefined;
}

function isBackendType(value: unknown): value is BackendType {
  return typeof value === 'object' && value !== null && missing(value).length === 0;
}

/** Lists the parts that a value lacks to be a backend type. */
function missing(value: object): string[] {
  const fields = value as Record<string, unknown>;
  return [
    ...(typeof fields['type'] === 'string' ? [] : ['text type']),
    ...['parse', 'target', 'create'].filter((name) => typeof fields[name] !== 'function').map((name) => `function ${name}`),
  ];
}

/**
 * Returns the error for an unknown type. It never suggests to install a name that may be misspelled: another package
 * may have that name.
 */
function unknownType(name: string, folders: readonly string[]): MirrorError {
  const builtIn = Object.keys(BUILT_IN);
  const guess = closestName(name, builtIn);
  const known = `one of ${builtIn.join(', ')}, or a package that is installed in ${folders.join(' or ')}`;
  return new MirrorError('MB4009', `the backend ${JSON.stringify(name)}: no such type, expected ${known}`, {
    hint: guess === undefined ? 'Refer to your own backend by the path of its module: type: ./my-backend.js' : `Did you mean ${guess}?`,
    context: { backend: name, ...(guess === undefined ? {} : { meant: guess }) },
  });
}

function unusable(name: string, found: string, expected: string, cause?: unknown): MirrorError {
  return new MirrorError('MB4009', `the backend ${JSON.stringify(name)}: ${found}, expected ${expected}`, {
    hint: 'docs/adding-a-backend.md describes what the package of a backend must export.',
    ...(cause === undefined ? {} : { cause }),
    context: { backend: name },
  });
}
