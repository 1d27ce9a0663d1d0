// What goes wrong around a log tree at random: a file server that answers errors for a while, a wall clock that is set.
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repository } from '../e2e/command.ts';

const HOUR_MS = 3_600_000;

interface Fault {
  readonly calls: readonly ('lstat' | 'stat' | 'open' | 'read' | 'readdir')[];
  readonly code: 'EIO' | 'ESTALE' | 'EACCES';
}

/** The call on a file that fails: lstat, open or read. */
const OF_FILES: readonly Fault[] = [
  { calls: ['lstat', 'stat', 'open'], code: 'ESTALE' },
  { calls: ['lstat', 'stat'], code: 'EIO' },
  { calls: ['open'], code: 'EACCES' },
  { calls: ['open'], code: 'EIO' },
  { calls: ['read'], code: 'EIO' },
];
const OF_DIRECTORIES: readonly Fault[] = [
  { calls: ['readdir'], code: 'EIO' },
  { calls: ['readdir', 'lstat', 'stat'], code: 'ESTALE' },
  { calls: ['readdir'], code: 'EACCES' },
];

export class FaultyWorld {
  readonly #control: string;
  readonly #random: () => number;
  readonly #faults = new Map<string, Fault>();
  #clockMs = 0;
  /** The directory that fails now, by its name. */
  #directory: string | undefined;

  constructor(control: string, random: () => number) {
    this.#control = control;
    this.#random = random;
    this.#write();
  }

  /** What a program has to be started with to live in it. */
  get env(): Readonly<Record<string, string>> {
    return {
      NODE_OPTIONS: `--import=${join(repository, 'test/support/faulty-world.mjs')}`,
      WORLD_CONTROL: this.#control,
    };
  }

  failFile(name: string): string {
    return this.#fail(name, OF_FILES);
  }

  heal(name: string): void {
    this.#faults.delete(name);
    this.#write();
  }

  failDirectory(name: string): string {
    this.healDirectory();
    this.#directory = name;
    return this.#fail(name, OF_DIRECTORIES);
  }

  healDirectory(): void {
    if (this.#directory !== undefined) this.heal(this.#directory);
    this.#directory = undefined;
  }

  /** Whether a path leads through a directory that fails. */
  isBelowFault(path: string): boolean {
    return this.#directory !== undefined && path.split('/').includes(this.#directory);
  }

  setClock(): string {
    this.#clockMs = [-24 * HOUR_MS, -2 * HOUR_MS, -1000, 0, 1000, 2 * HOUR_MS, 24 * HOUR_MS][Math.floor(this.#random() * 7)] ?? 0;
    this.#write();
    return `the clock is off by ${this.#clockMs / 1000} s`;
  }

  /** The clock is right again. */
  healClock(): void {
    this.#clockMs = 0;
    this.#write();
  }

  #fail(name: string, faults: readonly Fault[]): string {
    const fault = faults[Math.floor(this.#random() * faults.length)] as Fault;
    this.#faults.set(name, fault);
    this.#write();
    return `${fault.code} of ${fault.calls.join(', ')} for ${name}`;
  }

  /** Whole or not at all: it is read at any moment. */
  #write(): void {
    writeFileSync(`${this.#control}.new`, JSON.stringify({ faults: Object.fromEntries(this.#faults), clockMs: this.#clockMs }));
    renameSync(`${this.#control}.new`, this.#control);
  }
}
