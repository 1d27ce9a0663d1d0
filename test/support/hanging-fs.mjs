// Loaded into the program by NODE_OPTIONS=--import: calls about paths that contain what HANG_CONTROL holds (a line
// each: call, part of a path) open the FIFO HANG_FIFO for reading, and so hang in the kernel until something writes to
// it. As a dead file server does, and no thread of JavaScript can be ended in that.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

const { readFileSync, openSync, closeSync } = fs;
const paths = new Map();
const hang = (call, path) => {
  const control = process.env.HANG_CONTROL;
  if (control === undefined) return;
  let lines = [];
  try {
    lines = readFileSync(control, 'utf8').split('\n');
  } catch {
    // nothing hangs
  }
  for (const line of lines) {
    const [name, part] = line.split(' ');
    if (name === call && part && String(path).includes(part)) closeSync(openSync(process.env.HANG_FIFO, 'r'));
  }
};

for (const call of ['statSync', 'readdirSync', 'realpathSync']) {
  const real = fs[call];
  fs[call] = Object.assign((path, ...rest) => {
    hang(call, path);
    return real(path, ...rest);
  }, real);
}
fs.openSync = (path, ...rest) => {
  const fd = openSync(path, ...rest);
  if (typeof path === 'string' && path.includes('tfevents')) paths.set(fd, path);
  return fd;
};
const { readSync } = fs;
fs.readSync = (fd, ...rest) => {
  if (paths.has(fd)) hang('readSync', paths.get(fd));
  return readSync(fd, ...rest);
};
fs.closeSync = (fd) => {
  paths.delete(fd);
  closeSync(fd);
};
syncBuiltinESMExports();
