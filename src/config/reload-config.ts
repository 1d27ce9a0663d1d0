import { MirrorError } from '../errors.ts';
import type { Config } from './config.ts';
import { loadConfig, type Surroundings } from './load-config.ts';
import { readRegularText } from './read-text.ts';

/**
 * Reads the current configuration, for a process that uses a former one. If the file was in use and has no settings
 * any more, that is an error as well: the defaults would drop lanes and fill another store.
 */
export async function reloadConfig(former: Config, surroundings: Surroundings): Promise<Config> {
  // A pipe returns its text once, and a pipe without a writer never ends.
  const config = await loadConfig({ readFile: readRegularText, ...surroundings });
  const { file } = former;
  if (file === undefined || config.hasSettings || (!former.hasSettings && config.file !== undefined)) return config;
  throw new MirrorError('MB1003', `reading the configuration ${file}: ${config.file === undefined ? 'no such file' : 'it is empty'}`, {
    hint: 'Put its content back. To use the defaults, restart mirrorboard.',
    context: { file },
  });
}
