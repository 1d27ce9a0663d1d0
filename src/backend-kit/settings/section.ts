import { readFileSync } from 'node:fs';
import { closestName } from '../../closest-name.ts';
import type { ParsedSettings, SettingField, SettingProblem } from '../../contract/index.ts';
import type { Environment } from '../../environment.ts';
import { messageOf } from '../../errors.ts';
import { redact } from '../../http/index.ts';
import type { SettingKind } from './kinds.ts';

/** A setting: its names, its kind, its default. */
export interface Field<Value> extends SettingField {
  readonly kind: SettingKind<Value>;
  /** True if mirrorboard must never show the value. */
  readonly isSecret?: boolean;
  readonly fallback?: Value;
}

/** The settings of a backend type, by name. */
export type SettingFields = Readonly<Record<string, Field<unknown>>>;

/** The type of a field's value; undefined only if the field has no default. */
export type ValueOf<Entry> = Entry extends { readonly kind: SettingKind<infer Value> }
  ? Entry extends { readonly fallback: unknown }
    ? Value
    : Value | undefined
  : never;

/** The source that comes after the section and before the defaults: a tracker's own configuration file. */
export type Beneath = (key: string) => { readonly raw: unknown; readonly source: string } | undefined;

interface Found {
  readonly value: unknown;
  /** A variable's name, `file`, the name of a tracker's own file, or `default`. */
  readonly source: string;
}

/**
 * A lane's section of the configuration, read field by field: variables first, then the section, then defaults. It
 * collects all problems.
 */
export class Section<Table extends SettingFields> {
  readonly problems: SettingProblem[] = [];
  readonly #fields: Table;
  readonly #found = new Map<string, Found>();

  constructor(fields: Table, section: Readonly<Record<string, unknown>>, env: Environment, beneath: Beneath = () => undefined) {
    this.#fields = fields;
    const names = Object.entries(fields).flatMap(([key, { aliases = [] }]) => [key, ...aliases]);
    for (const key of Object.keys(section)) if (!names.includes(key)) this.#unknown(key, names);
    for (const [key, field] of Object.entries(fields)) this.#found.set(key, this.#find(key, field, section, env, beneath));
  }

  /** Returns the value of a field, or its default if the value is missing or not valid. */
  get<Key extends keyof Table & string>(key: Key): ValueOf<Table[Key]> {
    return this.#found.get(key)?.value as ValueOf<Table[Key]>;
  }

  /** Returns the source of a setting: a variable's name, `file`, the name of a tracker's own file, or `default`. */
  sourceOf(key: keyof Table & string): string {
    return this.#found.get(key)?.source ?? 'default';
  }

  /** Sets a value that was determined in another way. */
  set<Key extends keyof Table & string>(key: Key, value: ValueOf<Table[Key]>, source: string): void {
    this.#found.set(key, { value, source });
  }

  /** Returns the value of a field, or else the content of the file that `fileKey` names. */
  secret(key: keyof Table & string, fileKey: keyof Table & string): string | undefined {
    const value = this.#found.get(key)?.value;
    const path = this.#found.get(fileKey)?.value;
    if (typeof value === 'string' || typeof path !== 'string') return value as string | undefined;
    try {
      const secret = secretIn(path);
      if (secret !== '') return secret;
      this.wrong(fileKey, 'an empty file', 'a file with the secret');
    } catch (error) {
      this.problems.push({ path: [fileKey], found: messageOf(error), expected: 'a readable file', isLocal: true });
    }
    return undefined;
  }

  /**
   * Returns a function that reads the value of `secret` again after the tracker rejected it: users replace files with
   * secrets while mirrorboard runs. Returns undefined if there is no file, or another source overrides it.
   */
  secretAgain(key: keyof Table & string, fileKey: keyof Table & string): (() => string | undefined) | undefined {
    const path = this.#found.get(fileKey)?.value;
    if (typeof this.#found.get(key)?.value === 'string' || typeof path !== 'string') return undefined;
    return () => {
      try {
        return secretIn(path) || undefined;
      } catch {
        // Another process may be replacing the file at this moment; the caller asks again.
        return undefined;
      }
    };
  }

  wrong(key: keyof Table & string, found: string, expected: string, hint?: string): void {
    this.problems.push({ path: [key], found, expected, ...(hint === undefined ? {} : { hint }) });
  }

  isWrong(key: keyof Table & string): boolean {
    return this.problems.some(({ path }) => path[0] === key);
  }

  /** Returns the settings, or the problems if there are any. `secrets`: parts of values that must not be shown. */
  result<Settings>(settings: Settings, secrets: readonly string[] = []): ParsedSettings<Settings> {
    if (this.problems.length > 0) return { kind: 'problems', problems: this.problems };
    const shown = Object.entries(this.#fields).flatMap(([key, { isSecret }]) => {
      const { value, source } = this.#found.get(key) ?? { value: undefined, source: 'default' };
      return value === undefined ? [] : [{ key, value: shownAs(value, isSecret === true, secrets), source }];
    });
    return { kind: 'settings', settings, shown };
  }

  #find(key: string, field: Field<unknown>, section: Readonly<Record<string, unknown>>, env: Environment, beneath: Beneath): Found {
    const { kind, aliases = [], env: variables = [], isSecret, fallback } = field;
    const [name, second] = [key, ...aliases].filter((one) => Object.hasOwn(section, one));
    if (name !== undefined && second !== undefined) {
      this.problems.push({ path: [second], found: `${name} and ${second}`, expected: 'one of them: they mean the same' });
    }
    const variable = variables.find((candidate) => (env[candidate] ?? '') !== '');
    const configured = name === undefined ? undefined : section[name];
    const { raw, source } =
      variable !== undefined
        ? { raw: env[variable], source: variable }
        : configured !== undefined && configured !== null
          ? { raw: configured, source: 'file' }
          : (beneath(key) ?? { raw: undefined, source: 'default' });
    if (raw === undefined) return { value: fallback, source: 'default' };
    const value = kind.parse(raw, source !== 'file');
    if (value !== undefined) return { value, source };
    const shown = isSecret === true ? 'something else' : shortText(raw);
    this.problems.push({
      path: [source === 'file' ? (name ?? key) : key],
      found: source === 'file' ? shown : `${shown} in ${source}`,
      expected: kind.expected,
    });
    return { value: fallback, source: 'default' };
  }

  #unknown(key: string, names: readonly string[]): void {
    const near = closestName(key, names);
    this.problems.push({
      path: [key],
      found: `the key ${JSON.stringify(key)}`,
      expected: `one of ${Object.keys(this.#fields).join(', ')}`,
      ...(near === undefined ? {} : { hint: `Did you mean ${near}?` }),
    });
  }
}

function secretIn(path: string): string {
  return readFileSync(path, 'utf8').trim();
}

function shownAs(value: unknown, isSecret: boolean, secrets: readonly string[]): unknown {
  if (typeof value === 'object' && value !== null && !Array.isArray(value) && isSecret) {
    return Object.fromEntries(Object.keys(value).map((name) => [name, '[redacted]']));
  }
  if (isSecret) return '[redacted]';
  return typeof value === 'string' ? redact(value, secrets) : value;
}

function shortText(raw: unknown): string {
  if (Array.isArray(raw)) return 'a list';
  if (typeof raw === 'object') return 'a mapping';
  const text = typeof raw === 'string' ? JSON.stringify(redact(raw)) : String(raw);
  return text.length > 100 ? `${text.slice(0, 99)}…` : text;
}
