import { type Node, type ParsedGlob, parseExpression } from './parse-expression.ts';

/** The captures by name; undefined for one that took no part. */
type Captures = Readonly<Record<string, string | undefined>>;

/**
 * The most steps of JavaScript's own matcher, before the one below replaces it. It is some ten times faster on short
 * texts.
 */
const MOST_STEPS = 100_000;
/**
 * The longest text for an expression whose matching time is not proportional to the text: longer ones do not match.
 */
const MOST_LENGTH = 512;
/** The longest text for an expression with lookaheads over a whole text, which are checked from every place. */
const MOST_LOOKED = 4096;

type Step =
  | { readonly kind: 'char'; readonly test: (code: number) => boolean }
  | { readonly kind: 'split'; readonly first: number; readonly second: number }
  | { readonly kind: 'jump'; readonly to: number }
  | { readonly kind: 'save'; readonly slot: number }
  | { readonly kind: 'look'; readonly program: readonly Step[]; readonly reach: number; readonly isNegative: boolean }
  | { readonly kind: 'start' }
  | { readonly kind: 'end' }
  | { readonly kind: 'match' };

/**
 * An expression made from a glob, for names that strangers choose: the time it takes is proportional to the text and
 * to the expression, however the two fit together. It searches for the same match as JavaScript does, in the same
 * order, but never tries the same step at the same place twice: what failed there once fails again.
 */
export class Expression {
  readonly #native: RegExp;
  readonly #parsed: ParsedGlob | undefined;
  readonly #program: readonly Step[];
  /** The number of unbounded repetitions; infinite if one is inside another, or allows a choice. */
  readonly #power: number;
  readonly #looksFar: boolean;

  /** `source` is anchored at both ends. */
  constructor(source: string) {
    this.#native = new RegExp(source);
    this.#parsed = parseExpression(source);
    this.#program = this.#parsed === undefined ? [] : programOf(this.#parsed.root);
    this.#power = this.#parsed === undefined ? Infinity : powerOf(this.#parsed.root);
    this.#looksFar = this.#parsed !== undefined && looksFar(this.#parsed.root);
  }

  match(text: string): Captures | undefined {
    if (this.#parsed === undefined && text.length > MOST_LENGTH) return undefined;
    if (this.#looksFar && text.length > MOST_LOOKED) return undefined;
    if (this.#parsed === undefined || (text.length + 2) ** this.#power <= MOST_STEPS) {
      const found = this.#native.exec(text);
      return found === null ? undefined : { ...found.groups };
    }
    const saved = run(this.#program, text, 0, Infinity, this.#parsed.names.length);
    if (saved === undefined) return undefined;
    const part = (i: number): string | undefined => {
      const [from, to] = [saved[2 * i] ?? -1, saved[2 * i + 1] ?? -1];
      return from < 0 || to < 0 ? undefined : text.slice(from, to);
    };
    return Object.fromEntries(this.#parsed.names.flatMap((name, i) => (name === '' ? [] : [[name, part(i)] as const])));
  }
}

/**
 * Returns the places of the captures in the first match that begins at `from` and is no longer than `reach`;
 * undefined if there is none.
 */
function run(program: readonly Step[], text: string, from: number, reach: number, captures: number): Int32Array | undefined {
  const width = Math.min(text.length - from, reach) + 1;
  const seen = new Uint32Array(Math.ceil((program.length * width) / 32));
  const saved = new Int32Array(2 * captures).fill(-1);
  /** The steps left to try: a step and a place, or (negative) a slot and its former content. */
  const left: number[] = [0, from];
  while (left.length > 0) {
    let at = left.pop() as number;
    let step = left.pop() as number;
    if (step < 0) {
      saved[-step - 1] = at;
      continue;
    }
    for (;;) {
      const key = step * width + at - from;
      const bit = 1 << (key & 31);
      if (((seen[key >>> 5] as number) & bit) !== 0) break;
      seen[key >>> 5] = (seen[key >>> 5] as number) | bit;
      const now = program[step] as Step;
      if (now.kind === 'match') return saved;
      if (now.kind === 'split') {
        left.push(now.second, at);
        step = now.first;
      } else if (now.kind === 'jump') step = now.to;
      else if (now.kind === 'save') {
        left.push(-now.slot - 1, saved[now.slot] as number);
        saved[now.slot] = at;
        step++;
      } else if (now.kind === 'char') {
        if (at >= text.length || !now.test(text.charCodeAt(at))) break;
        at++;
        step++;
      } else if (holds(now, text, at)) step++;
      else break;
    }
  }
  return undefined;
}

function holds(step: Extract<Step, { kind: 'start' | 'end' | 'look' }>, text: string, at: number): boolean {
  if (step.kind === 'start') return at === 0;
  if (step.kind === 'end') return at === text.length;
  return (run(step.program, text, at, step.reach, 0) === undefined) === step.isNegative;
}

function programOf(root: Node): readonly Step[] {
  const program: Step[] = [];
  const add = (node: Node): void => {
    switch (node.kind) {
      case 'char':
      case 'start':
      case 'end':
        program.push(node);
        return;
      case 'all':
        for (const part of node.parts) add(part);
        return;
      case 'any': {
        const ends: number[] = [];
        for (const [i, option] of node.options.entries()) {
          const isLast = i === node.options.length - 1;
          const split = isLast ? -1 : program.push({ kind: 'match' }) - 1;
          add(option);
          if (isLast) break;
          ends.push(program.push({ kind: 'match' }) - 1);
          program[split] = { kind: 'split', first: split + 1, second: program.length };
        }
        for (const end of ends) program[end] = { kind: 'jump', to: program.length };
        return;
      }
      case 'repeat': {
        for (let i = 0; i < node.least; i++) add(node.part);
        const choice = (into: number, past: number): Step =>
          node.isLazy ? { kind: 'split', first: past, second: into } : { kind: 'split', first: into, second: past };
        if (node.most === Infinity) {
          const split = program.push({ kind: 'match' }) - 1;
          add(node.part);
          program.push({ kind: 'jump', to: split });
          program[split] = choice(split + 1, program.length);
          return;
        }
        const splits: number[] = [];
        for (let i = node.least; i < node.most; i++) {
          splits.push(program.push({ kind: 'match' }) - 1);
          add(node.part);
        }
        for (const split of splits) program[split] = choice(split + 1, program.length);
        return;
      }
      case 'capture':
        program.push({ kind: 'save', slot: 2 * node.index });
        add(node.part);
        program.push({ kind: 'save', slot: 2 * node.index + 1 });
        return;
      case 'look':
        program.push({ kind: 'look', program: programOf(node.part), reach: reachOf(node.part), isNegative: node.isNegative });
        return;
      default:
        node satisfies never;
    }
  };
  add(root);
  program.push({ kind: 'match' });
  return program;
}

function childrenOf(node: Node): readonly Node[] {
  if (node.kind === 'all') return node.parts;
  if (node.kind === 'any') return node.options;
  return 'part' in node ? [node.part] : [];
}

/** Returns the longest length of a match. */
function reachOf(node: Node): number {
  if (node.kind === 'char') return 1;
  if (node.kind === 'look') return 0;
  if (node.kind === 'any') return node.options.reduce((most, option) => Math.max(most, reachOf(option)), 0);
  const once = childrenOf(node).reduce((sum, child) => sum + reachOf(child), 0);
  return node.kind === 'repeat' && once > 0 ? once * node.most : once;
}

/** Returns the power of the text's length that JavaScript's own matcher may take. */
function powerOf(node: Node): number {
  const below = childrenOf(node).reduce((sum, child) => sum + powerOf(child), 0);
  if (node.kind !== 'repeat' || node.most !== Infinity) return below;
  return below > 0 || hasChoice(node.part) ? Infinity : 1;
}

function hasChoice(node: Node): boolean {
  if (node.kind === 'look') return false;
  return node.kind === 'any' || (node.kind === 'repeat' && node.most !== node.least) || childrenOf(node).some(hasChoice);
}

function looksFar(node: Node): boolean {
  return (node.kind === 'look' && powerOf(node.part) > 0) || childrenOf(node).some(looksFar);
}
