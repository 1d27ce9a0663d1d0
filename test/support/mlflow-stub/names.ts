import { posix } from 'node:path';
import { invalid } from './wire.ts';

/** Python's `\w` takes letters and numbers of every script, but no marks; its `$` takes a newline at the end. */
const LEGAL = /^[/\p{L}\p{N}_.\- :]*\n?$/u;

/** The rules for the keys of metrics, params and tags. `where` is as in messages: `metrics[3].name`. */
export function checkKey(what: 'Metric' | 'Param' | 'Tag', key: string, where: string): void {
  if (!LEGAL.test(key)) {
    throw invalid(
      `Invalid value "${key}" for parameter '${where}' supplied: Names may only contain alphanumerics, underscores (_), dashes (-), periods (.), spaces ( ), colon(:) and slashes (/).`,
    );
  }
  // Python's normpath keeps no slash at the end; Node's does.
  const normal = posix.normalize(key).replace(/(?<=.)\/$/, '');
  if (key === '' || normal === '.' || normal !== key || normal.startsWith('..') || normal.startsWith('/')) {
    throw invalid(
      `Invalid value "${key}" for parameter '${where}' supplied: Names may be treated as files in certain cases, and must not resolve to other names when treated as such. This name would resolve to '${normal}'`,
    );
  }
  if ([...key].length > 250) throw invalid(`'${what} name' exceeds the maximum length of 250 characters`);
}
