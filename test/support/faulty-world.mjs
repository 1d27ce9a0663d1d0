// Loaded into the program by NODE_OPTIONS=--import: a file server that fails, and a clock that jumps, as the JSON of
// the file WORLD_CONTROL says: `faults`, by a file's or directory's name the calls that fail and how, and `clockMs`,
// how far the wall clock is off. What holds for the program holds for its threads.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { basename } from 'node:path';

const control = process.env.WORLD_CONTROL;
const now = performance.now.bind(performance);
const { readFileSync, openSync, closeSync } = fs;
const names = new Map();
let world = { faults: {}, clockMs: 0 };
let readAtMs = -Infinity;

/** Read again after a moment: the clock is asked thousands of times a second. */
const current = (mostMs) => {
  if (now() - readAtMs > mostMs) {
    readAtMs = now();
    try {
      world = JSON.parse(readFileSync(control, 'utf8'));
    } catch {
      // It is being written.
    }
  }
  return world;
};

const check = (call, name) => {
  const fault = current(0).faults[name];
  if (fault === undefined || !fault.calls.includes(call)) return;
  const errno = { EIO: -5, ENOENT: -2, ESTALE: -116, EACCES: -13 }[fault.code];
  throw Object.assign(new Error(`${fault.code}: fault, ${call} '${name}'`), { code: fault.code, errno, syscall: call });
};

if (control !== undefined) {
  for (const call of ['statSync', 'lstatSync', 'readdirSync']) {
    const real = fs[call];
    fs[call] = Object.assign((path, ...rest) => {
      check(call.slice(0, -4), basename(String(path)));
      return real(path, ...rest);
    }, real);
  }
  fs.openSync = (path, ...rest) => {
    check('open', basename(String(path)));
    const fd = openSync(path, ...rest);
    names.set(fd, basename(String(path)));
    return fd;
  };
  const { readSync } = fs;
  fs.readSync = (fd, ...rest) => {
    if (names.has(fd)) check('read', names.get(fd));
    return readSync(fd, ...rest);
  };
  fs.closeSync = (fd) => {
    names.delete(fd);
    closeSync(fd);
  };
  syncBuiltinESMExports();

  const RealDate = Date;
  const wallNow = RealDate.now.bind(RealDate);
  globalThis.Date = class extends RealDate {
    constructor(...args) {
      if (args.length === 0) super(wallNow() + current(100).clockMs);
      else super(...args);
    }
    static now() {
      return wallNow() + current(100).clockMs;
    }
  };
}
