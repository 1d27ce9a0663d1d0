// What frameworks wrote, as it lies in test/recipes, with the times at which they did.
import { cpSync, mkdirSync, readFileSync, utimesSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { repository } from '../e2e/command.ts';

export const RECIPE_LOGS = join(repository, 'test/recipes');

/** When each file of a folder was written, in milliseconds. */
export function recipeTimes(name: string): Readonly<Record<string, number>> {
  return JSON.parse(readFileSync(join(RECIPE_LOGS, name, 'times.json'), 'utf8')) as Record<string, number>;
}

export function writeRecipeLogs(folder: string, name: string, isWanted: (path: string) => boolean = () => true): void {
  for (const [path, ms] of Object.entries(recipeTimes(name))) {
    if (!isWanted(path)) continue;
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    cpSync(join(RECIPE_LOGS, name, path), join(folder, path));
    utimesSync(join(folder, path), ms / 1000, ms / 1000);
  }
}
