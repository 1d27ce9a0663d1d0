import type { z } from 'zod';
import { suggestion } from '../closest-name.ts';
import type { Environment } from '../environment.ts';
import { type Choice, chosenLanes, chosenProfile, isUnused, layersOf } from './choose.ts';
import { expandVariables, isOneReference, referredVariables } from './expand-variables.ts';
import { type FileSettings, fileSchema } from './file-schema.ts';
import { LANE_TYPES } from './lane-types.ts';
import { lanesProblems } from './lanes-problems.ts';
import { configError, type FieldPath, fieldName, type Problem, shownValue } from './problem.ts';
import { homesOf, type SchemaField, schemaFields } from './schema-fields.ts';
import { isSecretName, secretInAddress } from './secrets.ts';
import { FILE_SUFFIX, valueInFile } from './value-file.ts';
import { type Scalar, YamlDocument, type YamlLocation } from './yaml-document.ts';

/** A file's settings, and their locations. */
export interface ParsedFile {
  readonly settings: FileSettings;
  /** Returns the location of a value; for a missing field, the location of its parent. */
  positionOf(path: FieldPath): YamlLocation;
  /** True if a value must not be shown, because of its name or of the variable it comes from. */
  isHidden(path: FieldPath): boolean;
  /** The variables that the file refers to, set or not. */
  readonly variables: ReadonlySet<string>;
  /** True if the file contains only comments, or nothing. */
  readonly isEmpty: boolean;
  /** The notes about the file, a sentence each; none of them is an error. */
  readonly notices: readonly string[];
}

const FIELDS = schemaFields(fileSchema);

/**
 * Reads the text of a configuration file: parses the YAML, fills in variables, and checks every setting. Throws one
 * error for all problems in the file. Variables of profiles and lanes that `choice` does not choose need not be set.
 * Only this module loads the YAML parser and the schemas, which take more time than the rest of a start.
 */
export function parseConfigFile(file: string, text: string, env: Environment, choice: Choice = {}): ParsedFile {
  const document = new YamlDocument(text);
  if (document.problems.length > 0) throw configError(file, document.problems);
  const reader = new FieldReader(document, env);
  const value = document.read((scalar) => reader.read(scalar));
  const result = fileSchema.safeParse(value);
  const problems = [...document.problems, ...reader.problems];
  const refused = problems.map((problem) => JSON.stringify(problem.path));
  for (const issue of result.error?.issues ?? []) {
    for (const problem of problemsOf(issue, value, document, reader)) {
      // A value that could not be read is reported only once, for that reason.
      if (!refused.includes(JSON.stringify(problem.path))) problems.push(problem);
    }
  }
  const settings = result.data;
  if (settings === undefined) throw configError(file, problems);
  const profile = chosenProfile(settings, choice.profile);
  const layers = layersOf(settings, profile);
  const lanes = chosenLanes(layers, choice.lanes);
  for (const problem of lanesProblems(settings)) problems.push({ ...problem, ...document.positionOfKey(problem.path) });
  const grave = problems.filter(({ code, path }) => code !== 'MB1004' || !isUnused(path, profile, lanes.names));
  if (grave.length > 0) throw configError(file, grave);
  const isEmpty = value === undefined || value === null;
  return {
    settings,
    isEmpty,
    positionOf: (path) => document.positionOf(path),
    isHidden: (path) => reader.isHidden(document.written(path)),
    variables: reader.variables,
    notices: [
      ...(isEmpty ? [`${file} is empty: using the defaults`] : []),
      ...reader.exposed.map(({ path, what }) => {
        const { line, column } = document.positionOf(path);
        return (
          `${file}:${line}:${column}: ${fieldName(path)} contains ${what} (hidden), which everyone who can read ` +
          `the file can see: ${EXPOSED_HINT}`
        );
      }),
    ],
  };
}

/** A reader that fills variables into single values, and checks that secrets come from variables. */
class FieldReader {
  readonly problems: Problem[] = [];
  /** Addresses that contain a secret in plain text. */
  readonly exposed: { readonly path: FieldPath; readonly what: string }[] = [];
  /** All variables that the file refers to. */
  readonly variables = new Set<string>();
  readonly #document: YamlDocument;
  readonly #env: Environment;
  /** Numbers and words as the file has them, by their paths. */
  readonly #sources = new Map<string, string>();
  /** Paths whose values must not be shown, because of the variable they come from. */
  readonly #hidden = new Set<string>();

  constructor(document: YamlDocument, env: Environment) {
    this.#document = document;
    this.#env = env;
  }

  read({ path, value, source }: Scalar): unknown {
    if (value !== null && isSecret(path) && !isOneReference(String(value))) {
      this.#refuse('MB1002', path, 'a secret written in the file (hidden)', `a variable, as in \${VAR}`, SECRET_HINT);
      return undefined;
    }
    if (source !== undefined) this.#sources.set(JSON.stringify(path), source);
    // A tag is a text exactly as written: 1.0 is not 1.
    if (typeof value !== 'string') return value !== null && isTag(path) ? (source ?? value) : value;
    const what = secretInAddress(value);
    if (what !== undefined) this.exposed.push({ path, what });
    const variables = referredVariables(value);
    for (const variable of variables) this.variables.add(variable);
    if (variables.some(isSecretName)) this.#hidden.add(JSON.stringify(path));
    const env = this.#withFiles(path, variables);
    if (env === undefined) return undefined;
    const expansion = expandVariables(value, env);
    switch (expansion.kind) {
      case 'expanded':
        return expansion.text;
      case 'unset': {
        const { variable } = expansion;
        const hint = `Set ${variable}, or give a default: \${${variable}:-…}`;
        this.#refuse('MB1004', path, `\${${variable}}, which is not set`, 'a variable that is set', hint);
        return undefined;
      }
      case 'malformed':
        this.#refuse('MB1002', path, shownValue(expansion.at), `\${VAR} or \${VAR:-default}; write $\${ for a literal \${`);
        return undefined;
      default:
        return expansion satisfies never;
    }
  }

  /**
   * Returns the environment with the values of our variables whose values are in files. Undefined if one of them has
   * no value; that problem is noted.
   */
  #withFiles(path: FieldPath, variables: readonly string[]): Environment | undefined {
    const values: Record<string, string> = {};
    for (const variable of new Set(variables)) {
      const name = `${variable}${FILE_SUFFIX}`;
      const file = variable.startsWith(PREFIX) ? (this.#env[name] ?? '') : '';
      if (file === '') continue;
      this.variables.add(name);
      this.#hidden.add(JSON.stringify(path));
      const isTwice = (this.#env[variable] ?? '') !== '';
      const read = isTwice ? undefined : valueInFile(file);
      if (read?.kind === 'value') {
        values[variable] = read.value;
        continue;
      }
      const found = read === undefined ? `values in ${variable} and in ${name}` : `${read.found}, in ${name}`;
      this.#refuse('MB1002', path, found, read?.expected ?? 'one of them');
      return undefined;
    }
    // Returns the environment itself: the environment of a completion answers for every name, and a copy would not.
    return Object.keys(values).length === 0 ? this.#env : { ...this.#env, ...values };
  }

  /** Returns a single value as written: 027 is 27 to YAML. */
  source(path: FieldPath): string | undefined {
    return this.#sources.get(JSON.stringify(path));
  }

  /** True if the value at a path, or one below it, must not be shown. */
  isHidden(path: FieldPath): boolean {
    const own = JSON.stringify(path);
    return isSecret(path) || this.#hidden.has(own) || [...this.#hidden].some((hidden) => hidden.startsWith(`${own.slice(0, -1)},`));
  }

  /** Returns the value at a path as it may be shown. `words` replace the value itself. */
  shown(path: FieldPath, value: unknown, words?: string): string {
    if (isSecret(path) || this.#hidden.has(JSON.stringify(path))) return 'a hidden value';
    return words ?? shownValue(value);
  }

  #refuse(code: Problem['code'], path: FieldPath, found: string, expected: string, hint?: string): void {
    this.problems.push({ code, path, ...this.#document.positionOf(path), found, expected, ...(hint === undefined ? {} : { hint }) });
  }
}

/** The prefix of our variables. Each of them may name a file instead. */
const PREFIX = 'MIRRORBOARD_';

const EXPOSED_HINT = `write \${VAR} instead, or remove it and use the setting for it (password_file, token_file, …)`;
const SECRET_HINT =
  `Put the secret into an environment variable and write \${VAR}, or into a file and give its path ` + `in the setting that ends in _file.`;

function isSecret(path: FieldPath): boolean {
  return path.some((part) => typeof part === 'string' && isSecretName(part));
}

function isTag(path: FieldPath): boolean {
  return path.slice(0, -1).some((part) => part === 'tags' || part === 'shared_tags');
}

function problemsOf(issue: z.core.$ZodIssue, top: unknown, document: YamlDocument, reader: FieldReader): Problem[] {
  const path = issue.path.map((part) => (typeof part === 'number' ? part : String(part)));
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey([...path, key], issue.message, document));
  const value = valueAt(top, document.written(path));
  const last = path.at(-1);
  // The keys of a profile, and of `config`, may be lanes, so a misspelled setting looks like a lane there.
  const isLanesPlace = (path.length === 3 && path[0] === 'profiles') || (path[0] === 'config' && path.length === 2);
  if (
    isLanesPlace &&
    typeof last === 'string' &&
    !isLayerKey(path) &&
    (typeof value !== 'object' || value === null || Array.isArray(value))
  ) {
    return [unknownKey(path, layerKeys(path).join(', '), document)];
  }
  const guess = issue.code === 'invalid_value' && typeof value === 'string' ? suggestion(value, issue.values.map(String)) : '';
  const hint = issue.code === 'custom' ? paramIn(issue, 'hint') : typeHint(issue, path, value, quoted(top, document.written(path), reader));
  return [
    {
      code: 'MB1002',
      path,
      ...document.positionOf(path),
      found: reader.shown(document.written(path), value, issue.code === 'custom' ? paramIn(issue, 'found') : undefined),
      expected: issue.message + guess,
      ...(hint === undefined ? {} : { hint }),
    },
  ];
}

/**
 * Returns the problem of an unknown key, with the most likely intended one: a key of that location, or another
 * location of the same key.
 */
function unknownKey(path: FieldPath, keys: string, document: YamlDocument): Problem {
  const key = String(path.at(-1));
  const known = keys.split(', ');
  const guess = suggestion(key, known);
  const hint = guess === '' ? homeHint(key, path) : undefined;
  return {
    code: 'MB1002',
    path,
    ...document.positionOfKey(path),
    found: 'an unknown key',
    expected: (known.length === 1 ? keys : `one of ${keys}`) + guess,
    ...(hint === undefined ? {} : { hint }),
  };
}

/** Returns the right place for a misplaced key; undefined if it has none or several. */
function homeHint(key: string, path: FieldPath): string | undefined {
  if (LANE_TYPES.some((type) => type === key)) return `Put the settings of a lane below lanes: lanes.${key}`;
  const [home, ...more] = homesOf(key, FIELDS).map((home) => home.join('.').replaceAll('.[]', '[]'));
  if (home !== undefined && more.length === 0) return `${key} is a setting below ${home.replace('*', 'NAME')}: check the indentation`;
  return path.length > 1 && FIELDS.some(([top]) => top === key) ? `${key} is a top-level setting: check the indentation` : undefined;
}

/** Returns the keys of a profile, or of `config`, that are not lanes. */
function layerKeys(path: FieldPath): string[] {
  const depth = path.length - 1;
  const isAbove = (field: SchemaField): boolean => path.slice(0, depth).every((part, i) => field[i] === part || field[i] === '*');
  return [...new Set(FIELDS.filter(isAbove).map((field) => field[depth] ?? ''))].filter((key) => key !== '*');
}

function isLayerKey(path: FieldPath): boolean {
  return layerKeys(path).includes(String(path.at(-1)));
}

/** Returns the text that one of our checks adds to what was expected. */
function paramIn({ params }: z.core.$ZodIssueCustom, name: 'found' | 'hint'): string | undefined {
  const words: unknown = params?.[name];
  return typeof words === 'string' ? words : undefined;
}

/** Returns a number or word in quotes, for a location that needs a text. */
function quoted(top: unknown, path: FieldPath, reader: FieldReader): string | undefined {
  const text = reader.source(path);
  if (text === undefined) return undefined;
  const issues = fileSchema.safeParse(withValue(top, path, text)).error?.issues ?? [];
  const location = JSON.stringify(path);
  return issues.some((issue) => JSON.stringify(issue.path) === location) ? undefined : JSON.stringify(text);
}

function withValue(top: unknown, path: FieldPath, value: unknown): unknown {
  const [first, ...rest] = path;
  if (first === undefined) return value;
  if (Array.isArray(top)) return top.map((item: unknown, i) => (i === first ? withValue(item, rest, value) : item));
  if (typeof top !== 'object' || top === null) return top;
  return Object.fromEntries(Object.entries(top).map(([key, item]) => [key, key === first ? withValue(item, rest, value) : item]));
}

/** Returns the hint for a value of an unexpected type: the traps of YAML, and of indentation. */
function typeHint(issue: z.core.$ZodIssue, path: FieldPath, value: unknown, inQuotes: string | undefined): string | undefined {
  if (issue.code !== 'invalid_type') return undefined;
  const wanted = issue.expected;
  if (wanted === 'string' && (typeof value === 'number' || typeof value === 'boolean'))
    return inQuotes === undefined ? undefined : `Put it in quotes: ${inQuotes}`;
  if (wanted === 'string' && typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return 'In YAML, { begins a mapping: put a text with braces in quotes, such as "{path}"';
  }
  if (wanted === 'array' && typeof value === 'string') return 'Write a list as [x], or with - before each item.';
  if (wanted === 'object' && path.at(-2) === 'lanes' && typeof path.at(-1) === 'string')
    return `If ${path.at(-1)} is a setting of a lane, indent it below the name of the lane.`;
  return undefined;
}

function valueAt(top: unknown, path: FieldPath): unknown {
  let value = top;
  for (const part of path) {
    // A root given as a plain text is checked as a mapping with a path.
    if (typeof value === 'string') return value;
    if (typeof value !== 'object' || value === null) return undefined;
    value = Object.entries(value).find(([key]) => key === String(part))?.[1];
  }
  return value;
}
