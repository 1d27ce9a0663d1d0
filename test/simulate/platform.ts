// What Node gives a program, given by the world instead: time, chance, files, threads and databases. This module is
// loaded before the service, whose code runs unchanged.
import type * as crypto from 'node:crypto';
import * as fs from 'node:fs';
import { createRequire, registerHooks, syncBuiltinESMExports } from 'node:module';
import { type KnownFault, withFault } from './faults/index.ts';
import { callsOn, type VirtualFs } from './virtual-fs.ts';
import type { World } from './world.ts';

/** The parts of one history that the platform leads to. */
export interface Surroundings {
  readonly world: World;
  readonly files: VirtualFs;
}

let current: Surroundings | undefined;

/** The history that is under way. */
export function surroundings(): Surroundings {
  if (current === undefined) throw new Error('no history is under way');
  return current;
}

/** Makes everything that follows part of a history; undefined: of none. */
export function enter(next: Surroundings | undefined): void {
  current = next;
}

const require = createRequire(import.meta.url);
const real = {
  fs: { ...fs },
  setImmediate: globalThis.setImmediate,
  now: performance.now.bind(performance),
};

/** Real milliseconds, for the report. */
export const realMs = real.now;
/** Processor time of this process, in milliseconds. */
export const cpuMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};
/** Calls back once everything that is ready has happened. */
export const nextTurn = (work: () => void): void => void real.setImmediate(work);

/** A timer in the form of Node's. */
function timer(stop: () => void): object {
  const self = { stop, ref: () => self, unref: () => self, hasRef: () => true, refresh: () => self, [Symbol.dispose]: stop };
  return self;
}

function clear(handle: unknown): void {
  (handle as { stop?: () => void } | undefined)?.stop?.();
}

/** Lets threads be what this class makes of them. It knows the service, so it comes after all else is in place. */
export function useThreads(Worker: unknown): void {
  Object.assign(require('node:worker_threads'), { Worker });
  syncBuiltinESMExports();
}

/** Puts the world in the place of Node's modules and globals, for good. */
export function install(): void {
  const world = (): World => surroundings().world;
  const calls = callsOn(() => current?.files, real.fs);
  const later =
    (name: string) =>
    async (...args: unknown[]) => {
      await current?.files.answered(args[0]);
      return (calls[name] as (...args: unknown[]) => unknown)(...args);
    };
  const promised = ['stat', 'lstat', 'realpath', 'readlink', 'access', 'readdir'].map((name) => [name, later(`${name}Sync`)] as const);
  const called =
    (name: string) =>
    (...args: unknown[]) => {
      const done = args.pop() as (error: unknown, result?: unknown) => void;
      later(name)(...args).then(
        (result) => done(null, result),
        (error: unknown) => done(error),
      );
    };
  const callbacks = { open: called('openSync'), fstat: called('fstatSync'), close: called('closeSync') };
  Object.assign(require('node:fs'), calls, callbacks);
  Object.assign(require('node:fs/promises'), Object.fromEntries(promised));
  const after = (work: (...args: unknown[]) => void, ms = 0, ...args: unknown[]): object => timer(world().after(ms, () => work(...args)));
  const every = (work: (...args: unknown[]) => void, ms = 0, ...args: unknown[]): object => timer(world().every(ms, () => work(...args)));
  const timers = { setTimeout: after, setInterval: every, setImmediate: (work: () => void) => after(work, 0) };
  const stops = { clearTimeout: clear, clearInterval: clear, clearImmediate: clear };
  Object.assign(globalThis, timers, stops);
  Object.assign(require('node:timers'), timers, stops);
  Object.assign(require('node:timers/promises'), {
    setTimeout: async (ms: number, value?: unknown, options?: { signal?: AbortSignal }) => {
      await world().sleep(ms, options?.signal);
      options?.signal?.throwIfAborted();
      return value;
    },
    setImmediate: async (value?: unknown) => {
      await world().sleep(0);
      return value;
    },
  });
  Date.now = () => world().wallMs;
  Object.defineProperty(performance, 'timeOrigin', { value: 0, configurable: true });
  performance.now = () => world().nowMs;
  process.hrtime = Object.assign(() => [Math.floor(world().nowMs / 1000), (world().nowMs % 1000) * 1e6] as [number, number], {
    bigint: () => BigInt(Math.floor(world().nowMs)) * 1_000_000n,
  });
  Math.random = () => world().random.fraction();
  const randomBytes = (count: number): Buffer => Buffer.from(world().random.bytes(count));
  Object.assign(require('node:crypto') as typeof crypto, { randomBytes, randomUUID: () => world().random.uuid() });
  // The service collects garbage when much work is over. Here, lives follow each other too fast for that to help.
  const vm = require('node:vm') as { runInNewContext: (code: string) => unknown };
  const { runInNewContext } = vm;
  vm.runInNewContext = (code) => (code === 'gc' ? () => undefined : runInNewContext(code));
  syncBuiltinESMExports();
  process.on('unhandledRejection', (reason: unknown) => {
    if (!isOfTheDead(reason))
      current?.world.bug(`a rejection that nobody handled: ${reason instanceof Error ? reason.stack : String(reason)}`);
  });
  // Node does not let another class take the place of this one.
  registerHooks({
    resolve: (specifier, context, next) =>
      specifier === 'node:sqlite' && context.parentURL?.startsWith(SERVICE) === true
        ? { url: new URL('./databases.js', import.meta.url).href, shortCircuit: true }
        : next(specifier, context),
  });
}

/** Puts faults back into the modules of the service that are loaded from now on. */
export function bringBack(faults: readonly KnownFault[]): void {
  if (faults.length === 0) throw new Error('there is no known fault of this name');
  registerHooks({
    load: (url, context, next) => {
      const loaded = next(url, context);
      const some = faults.filter(({ module }) => url === new URL(`${module}.js`, SERVICE).href);
      if (some.length === 0) return loaded;
      return { ...loaded, source: some.reduce((source, fault) => withFault(source, fault), String(loaded.source)) };
    },
  });
}

/** Where the service's own modules are. */
const SERVICE = new URL('../../src/', import.meta.url).href;

/** True if an error is about a life that is over, or about a database that was cut off with it. */
function isOfTheDead(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause.name === 'Died' || (cause as { code?: unknown }).code === 'ERR_INVALID_STATE') return true;
  }
  return false;
}
