import picomatch from 'picomatch';

/** The subject of a glob: paths of runs, names of directories, files of a run (`../` in front leads up), or tags. */
export type GlobKind = 'path' | 'name' | 'file' | 'tag';

/** The expected value in a glob's place, and a hint what to write. */
interface GlobProblem {
  readonly expected: string;
  readonly hint: string;
}

const CAPTURE = /\{[A-Za-z_][A-Za-z0-9_]*(?:\*\*)?\}/g;
/** The expression that picomatch returns when it cannot parse a glob. */
const NEVER = '$^';

const ESCAPE_HINT = 'Close it; or write \\ before a literal bracket, brace or parenthesis.';
const NOT_HINT =
  'The globs of a list are alternatives, so a glob that begins with ! matches nearly everything. Within a path, ' +
  '!(debug)/** is everything except debug.';

/**
 * Returns why a glob matches nothing, or everything, which cannot be meant; undefined otherwise. `isOneOfMany`: it is
 * one of a list.
 */
export function globProblem(glob: string, kind: GlobKind, isOneOfMany = false): GlobProblem | undefined {
  // A tag or a file that is written out matches itself, whatever it contains.
  const isCapturing = kind === 'tag' || kind === 'file';
  const rest = isCapturing ? glob.replace(CAPTURE, '*') : glob;
  const isWrittenOut = isCapturing && !/[*?]/.test(rest);
  if (!isWrittenOut) {
    const brace = braceOf(rest);
    if (brace !== undefined) return braceProblem(brace, isCapturing);
    const escaped = /\\[A-Za-z0-9]/.exec(rest)?.[0];
    if (escaped !== undefined) {
      return {
        expected: `a glob, in which ${escaped} means nothing`,
        hint: 'Globs are not regular expressions: * matches any part without /, [0-9] one digit. Separate directories by /.',
      };
    }
  }
  if (!isValid(rest)) return { expected: 'a glob that can match: brackets in pairs, ranges in order', hint: ESCAPE_HINT };
  if (/^!(?!\()/.test(glob) && (isOneOfMany || kind === 'path')) return { expected: 'a glob that does not begin with !', hint: NOT_HINT };
  return kind === 'tag' ? undefined : pathProblem(glob, kind);
}

/** Returns the problem of a glob that excludes everything. */
export function emptyingProblem(glob: string): GlobProblem | undefined {
  if (!/^[*/]+$/.test(glob)) return undefined;
  return { expected: 'a glob that does not match everything', hint: `${glob} excludes every run. To select only some runs, use include.` };
}

function pathProblem(glob: string, kind: 'path' | 'name' | 'file'): GlobProblem | undefined {
  if (kind === 'name') {
    if (!glob.includes('/') && glob !== '.' && glob !== '..') return undefined;
    return {
      expected: 'the name of a directory, or a glob of it, without /',
      hint: 'Give one name per level: fold the level above it, too.',
    };
  }
  const place = kind === 'file' ? "the run's directory" : 'the log directory';
  if (glob.startsWith('/')) return { expected: `a path below ${place}`, hint: `Paths start at ${place}, without a leading /.` };
  const below = kind === 'file' ? glob.replace(/^(?:\.\.\/)+/, '') : glob;
  const parts = below.replace(/^\.\//, '').replace(/\/$/, '').split('/');
  if (glob !== '.' && parts.some((part) => part === '' || part === '.' || part === '..')) {
    const only = kind === 'file' ? '; ../ only in front' : '';
    return {
      expected: `a path below ${place}, without empty parts, . and ..${only}`,
      hint: 'Paths below a log directory never have such parts.',
    };
  }
  if (kind === 'file' && glob.endsWith('/'))
    return { expected: 'a pattern of files, not of a directory', hint: `All files in it: ${glob}**` };
  return undefined;
}

/** True if picomatch can parse a glob. */
function isValid(glob: string): boolean {
  try {
    return picomatch.makeRe(glob, { dot: true, strictBrackets: true }).source !== NEVER;
  } catch {
    return false;
  }
}

/** Returns a pair of braces that is neither a choice nor a range. */
function braceOf(glob: string): string | undefined {
  const plain = glob.replace(/\\./g, '').replace(/\[(?:\[[^\][]*|[^\][]+)\]/g, '');
  return [...plain.matchAll(/\{([^{},]*)\}/g)].find(([, inner = '']) => !inner.includes('..'))?.[0];
}

function braceProblem(brace: string, isCapturing: boolean): GlobProblem {
  return isCapturing
    ? {
        expected: `a pattern without ${brace}, which is not a name`,
        hint: `A name has letters, digits and _: {n}, {rest**}; for a literal brace, write \\${brace}`,
      }
    : {
        expected: `a glob, in which ${brace} means nothing`,
        hint: `Write * for any name, {a,b} for one of several, or \\${brace} for a literal brace.`,
      };
}
