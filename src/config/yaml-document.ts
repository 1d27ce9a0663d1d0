import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import type { FieldPath, Problem } from './problem.ts';

/** A text or other single value, before variables are filled in. */
export interface Scalar {
  readonly path: FieldPath;
  readonly value: unknown;
  /** The text as the file has it, if the document keeps it. */
  readonly source?: string | undefined;
}

/** A location in a YAML file; both count from 1. */
export interface YamlLocation {
  readonly line: number;
  readonly column: number;
}

// In a flow mapping or list, YAML reads the brace of a plain ${VAR} as its own.
const QUOTES_HINT = `Inside { } and [ ], put variables in quotes: "\${VAR}"`;
const STAR_HINT = 'In YAML, * begins an alias: put a text that begins with * in quotes, such as "*.pt"';
const TAB_HINT = 'Indent with spaces';
const DOCUMENTS_HINT =
  'Remove the line ---, or split the documents into files for --config; use profiles for differences between environments';
const MERGE_HINT = 'Write the settings out; to repeat a whole section, use an alias: archive: *name';

// A configuration has a few hundred values; aliases of aliases can turn a few lines into billions.
const MOST_VALUES = 100_000;

/** A YAML file as plain values with their locations. */
export class YamlDocument {
  /** The problems of the syntax; if there are any, nothing can be read. */
  readonly problems: Problem[] = [];
  readonly #document: Document.Parsed;
  readonly #lines = new LineCounter();
  /** The offsets of keys and values by path. A list's items have no key. */
  readonly #keys = new Map<string, number>();
  readonly #values = new Map<string, number>();
  #count = 0;

  constructor(text: string) {
    // prettyErrors would put lines of the file, and the secrets in them, into messages. With logLevel silent, the
    // parser would silently drop documents after the first. The code below finds repeated keys, by name.
    this.#document = parseDocument(text, { lineCounter: this.#lines, prettyErrors: false, logLevel: 'error', uniqueKeys: false });
    for (const error of [...this.#document.errors, ...this.#document.warnings]) {
      const offset = error.pos[0];
      if (error.code === 'MULTIPLE_DOCS') {
        this.#refuse([], offset, 'a second YAML document', 'one document per file', DOCUMENTS_HINT);
        continue;
      }
      // Other errors on the same line mostly follow from the first one.
      if (this.problems.some((problem) => problem.line === this.#at(offset).line)) continue;
      // After a colon, the parser quotes the file.
      const [reason = ''] = error.message.split(':', 1);
      this.#refuse([], offset, `a syntax error (${reason.trim()})`, 'YAML', syntaxHint(text, offset, error.code));
    }
  }

  /** Builds the values; `scalar` converts each single one. */
  read(scalar: (scalar: Scalar) => unknown): unknown {
    const top: Node | null = this.#document.contents;
    return top === null ? undefined : this.#build(top, [], new Set(), scalar);
  }

  /** Returns a path as the file has it: a list of one item may be there without its index. */
  written(path: FieldPath): FieldPath {
    const written: (string | number)[] = [];
    for (const part of path) {
      if (typeof part === 'string' || this.#values.has(JSON.stringify([...written, part]))) written.push(part);
    }
    return written;
  }

  /** Returns the location of a value; for a missing field, the location of its parent. */
  positionOf(asked: FieldPath): YamlLocation {
    const path = this.written(asked);
    for (let length = path.length; length > 0; length--) {
      const offset = this.#values.get(JSON.stringify(path.slice(0, length)));
      if (offset !== undefined) return this.#at(offset);
    }
    return this.#at(this.#values.get('[]') ?? 0);
  }

  /** Returns the location of a field's key. */
  positionOfKey(asked: FieldPath): YamlLocation {
    const path = this.written(asked);
    const offset = this.#keys.get(JSON.stringify(path));
    return offset === undefined ? this.positionOf(path) : this.#at(offset);
  }

  #build(node: unknown, path: FieldPath, within: Set<unknown>, scalar: (scalar: Scalar) => unknown): unknown {
    const start = startOf(node);
    if (start !== undefined) this.#values.set(JSON.stringify(path), start);
    const target = isAlias(node) ? node.resolve(this.#document) : node;
    if (isAlias(node) && target === undefined) {
      // The message does not contain its name: a password may begin with *.
      this.#refuse(path, start ?? 0, 'an alias (*) to a missing anchor', 'a value', STAR_HINT);
      return undefined;
    }
    if (++this.#count > MOST_VALUES || within.has(target)) {
      if (this.problems.length === 0) this.#refuse(path, start ?? 0, 'aliases that repeat endlessly', 'a plain configuration');
      return undefined;
    }
    if (isScalar(target)) return scalar({ path, value: target.value, source: target.source });
    within.add(target);
    const value = isSeq(target) ? target.items.map((item, i) => this.#build(item, [...path, i], within, scalar)) : undefined;
    const fields = isMap(target) ? this.#buildMap(target.items, path, within, scalar) : undefined;
    within.delete(target);
    return value ?? fields;
  }

  #buildMap(
    items: readonly { key: unknown; value: unknown }[],
    path: FieldPath,
    within: Set<unknown>,
    scalar: (scalar: Scalar) => unknown,
  ): object {
    const fields: Record<string, unknown> = {};
    for (const { key, value } of items) {
      const offset = startOf(key) ?? 0;
      const name = isScalar(key) ? String(key.value) : undefined;
      // An object's `__proto__` is not a field, and no setting has that name.
      if (name === undefined || name === '__proto__') {
        this.#refuse(path, offset, name === undefined ? 'a key that is not a text' : 'the key __proto__', 'the name of a setting');
        continue;
      }
      const below = [...path, name];
      if (name === '<<') {
        this.#refuse(below, offset, 'a merge (<<)', 'the settings themselves: merges are not supported', MERGE_HINT);
        continue;
      }
      if (Object.hasOwn(fields, name)) {
        const first = this.positionOfKey(below).line;
        this.#refuse(below, offset, `the key a second time, first in line ${first}`, 'each key once');
        continue;
      }
      this.#keys.set(JSON.stringify(below), offset);
      // `key:` without a value has the location of its key.
      this.#values.set(JSON.stringify(below), offset);
      fields[name] = this.#build(value, below, within, scalar);
    }
    return fields;
  }

  #refuse(path: FieldPath, offset: number, found: string, expected: string, hint?: string): void {
    this.problems.push({ code: 'MB1002', path, ...this.#at(offset), found, expected, ...(hint === undefined ? {} : { hint }) });
  }

  #at(offset: number): YamlLocation {
    const { line, col } = this.#lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  }
}

function syntaxHint(text: string, offset: number, code: string): string | undefined {
  if (text.slice(offset - 1, offset + 1) === '${') return QUOTES_HINT;
  if (text[offset] === '*') return STAR_HINT;
  return code === 'TAB_AS_INDENT' ? TAB_HINT : undefined;
}

function startOf(node: unknown): number | undefined {
  if (!isScalar(node) && !isMap(node) && !isSeq(node) && !isAlias(node)) return undefined;
  return node.range?.[0];
}
