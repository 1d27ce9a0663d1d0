// Every command over a hundred thousand runs, files, tags and links.
import { runEveryCommand } from '../scale/every-command.ts';

const MANY = 100_000;

export async function soakScale(): Promise<void> {
  const say = (line: string): void => console.log(`scale: ${line}`);
  await runEveryCommand({ runs: MANY, files: MANY, tags: MANY, links: MANY, isTrackingRuns: true, timeoutMs: 3_600_000, say });
}
