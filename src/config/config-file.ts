import type { z } from 'zod';
import { suggestion } from '../closest-name.ts';
import { type Choice, chosenLanes, chosenProfile, isUnused, layersOf } from './choose.ts';
import { type Environment, expandVariables, isOneReference, referredVariables } from './expand-variables.ts';
import { type FileSettings, fileSchema } from './file-schema.ts';
import { lanesProblems } from './lanes-problems.ts';
import { configError, type FieldPath, type Problem, shownValue } from './problem.ts';
import { isSecretName } from './secrets.ts';
import { type Position, type Scalar, YamlDocument } from './yaml-document.ts';

/** A file's settings, and where they stand. */
export interface ParsedFile {
  readonly settings: FileSettings;
  /** Where a value stands; for a field that is not there, what should hold it. */
  positionOf(path: FieldPath): Position;
  /** Whether a value must not be shown, because of its name or of the variable it comes from. */
  isHidden(path: FieldPath): boolean;
}

/**
 * Reads the text of a configuration file: YAML, variables put in, every setting checked. Throws one error for all that is
 * wrong in it; variables of profiles and lanes that `choice` does not choose need not be set. This module alone loads the YAML
 * parser and the schemas, which cost more time than the rest of a start.
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
      // A value that could not be read is reported once, for that reason.
      if (!refused.includes(JSON.stringify(problem.path))) problems.push(problem);
    }
  }
  const settings = result.data;
  if (settings === undefined) throw configError(file, problems);
  const profile = chosenProfile(settings, choice.profile);
  const layers = layersOf(settings, profile);
  const lanes = chosenLanes(layers, choice.lanes);
  for (const problem of lanesProblems(settings, layers, lanes)) problems.push({ ...problem, ...document.positionOfKey(problem.path) });
  const grave = problems.filter(({ code, path }) => code !== 'MB1004' || !isUnused(path, profile, lanes.names));
  if (grave.length > 0) throw configError(file, grave);
  return {
    settings,
    positionOf: (path) => document.positionOf(path),
    isHidden: (path) => reader.isHidden(path),
  };
}

/** Puts variables into single values, and sees to it that secrets come from there. */
class FieldReader {
  readonly problems: Problem[] = [];
  readonly #document: YamlDocument;
  readonly #env: Environment;
  /** Paths whose values must not be shown, because of the variable they come from. */
  readonly #hidden = new Set<string>();

  constructor(document: YamlDocument, env: Environment) {
    this.#document = document;
    this.#env = env;
  }

  read({ path, value, source }: Scalar): unknown {
    if (value !== null && isSecret(path) && !isOneReference(String(value))) {
      this.#refuse('MB1002', path, 'a secret written in the file (not shown)', `a variable, as in \${VAR}`, SECRET_HINT);
      return undefined;
    }
    // A tag is a text, as it was written: 1.0 is not 1.
    if (typeof value !== 'string') return value !== null && isTag(path) ? (source ?? value) : value;
    if (referredVariables(value).some(isSecretName)) this.#hidden.add(JSON.stringify(path));
    const expansion = expandVariables(value, this.#env);
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
        this.#refuse('MB1002', path, shownValue(expansion.at), `\${VAR} or \${VAR:-default}; a literal \${ is written $\${`);
        return undefined;
      default:
        return expansion satisfies never;
    }
  }

  /** Whether what stands at a path, or below it, must not be shown. */
  isHidden(path: FieldPath): boolean {
    const own = JSON.stringify(path);
    return isSecret(path) || this.#hidden.has(own) || [...this.#hidden].some((hidden) => hidden.startsWith(`${own.slice(0, -1)},`));
  }

  /** What was found at a path, as it may be shown. */
  shown(path: FieldPath, value: unknown): string {
    return isSecret(path) || this.#hidden.has(JSON.stringify(path)) ? 'a value that is not shown' : shownValue(value);
  }

  #refuse(code: Problem['code'], path: FieldPath, found: string, expected: string, hint?: string): void {
    this.problems.push({ code, path, ...this.#document.positionOf(path), found, expected, ...(hint === undefined ? {} : { hint }) });
  }
}

const SECRET_HINT = `Put the secret into the environment and write \${VAR}, or into a file and name that in the setting that ends in _file.`;

function isSecret(path: FieldPath): boolean {
  return path.some((part) => typeof part === 'string' && isSecretName(part));
}

function isTag(path: FieldPath): boolean {
  return path.slice(0, -1).some((part) => part === 'tags' || part === 'shared_tags');
}

function problemsOf(issue: z.core.$ZodIssue, top: unknown, document: YamlDocument, reader: FieldReader): Problem[] {
  const path = issue.path.map((part) => (typeof part === 'number' ? part : String(part)));
  if (issue.code === 'unrecognized_keys') {
    const known = issue.message.split(', ');
    return issue.keys.map((key) => {
      const at = [...path, key];
      const expected = known.length === 1 ? issue.message : `one of ${issue.message}`;
      return {
        code: 'MB1002',
        path: at,
        ...document.positionOfKey(at),
        found: 'an unknown key',
        expected: expected + suggestion(key, known),
      };
    });
  }
  const value = valueAt(top, path);
  const guess = issue.code === 'invalid_value' && typeof value === 'string' ? suggestion(value, issue.values.map(String)) : '';
  return [{ code: 'MB1002', path, ...document.positionOf(path), found: reader.shown(path, value), expected: issue.message + guess }];
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
