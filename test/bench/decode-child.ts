// Decodes the file named on the command line in a process of its own, so that one form's compiled code does not slow
// the next one down. The first pass warms up, the second is measured; the answer is a line of JSON on the standard
// output.
import { decodeFile } from './decode-file.ts';

const [, , path = ''] = process.argv;
await decodeFile(path);
const began = performance.now();
const { records } = await decodeFile(path);
process.stdout.write(`${JSON.stringify({ records, seconds: (performance.now() - began) / 1000 })}\n`);
