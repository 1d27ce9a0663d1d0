// `node --import THIS`: at the end, writes how often each file whose name ends in .secret was read, as a line of JSON
// on the standard error.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

const reads = {};
const count = (path) => {
  if (typeof path === 'string' && path.endsWith('.secret')) reads[path] = (reads[path] ?? 0) + 1;
};
for (const name of ['readFileSync', 'openSync']) {
  const original = fs[name];
  fs[name] = (path, ...more) => {
    count(path);
    return original(path, ...more);
  };
}
syncBuiltinESMExports();
process.on('exit', () => fs.writeSync(2, `\n${JSON.stringify({ reads })}\n`));
