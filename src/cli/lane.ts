import { resolve } from 'node:path';
import type { Config } from '../config/index.ts';
import { checkNames, resolveLanes } from '../lanes/index.ts';
import { isWholePaused, type LanePause } from '../model/index.ts';
import { FileLock, keepLaneWish, type LaneWish } from '../state/index.ts';
import { pausedJson } from '../status/index.ts';
import { type CommandContext, type GlobalOptions, programName, writeOut } from './context.ts';
import { readConfig } from './read-config.ts';
import { visibleText } from './terminal/index.ts';

/** The options of `lane`. */
interface LaneFlags extends GlobalOptions {
  /** `--root NAME`, may be repeated. */
  readonly root?: readonly string[];
}

/** Pauses, resumes or retries a lane: it writes the request into the state, where a running `watch` finds it. */
export async function laneCommand(kind: LaneWish['kind'], name: string, flags: LaneFlags, context: CommandContext): Promise<void> {
  const { stdout, env } = context;
  const config = await readConfig(flags, context);
  checkNames(config, [name]);
  const target = await targetOf(name, config, env);
  const path = config.state.path;
  const { pauses, isNews } = keepLaneWish(path, { kind, name, target, roots: flags.root ?? [], nowMs: Date.now() });
  const isDriven = FileLock.holder(path) !== undefined;
  if (flags.json === true) {
    const document = {
      type: 'lane',
      action: kind,
      lane: name,
      target,
      changed: isNews,
      paused: pausedJson(pauses),
      state_in_use: isDriven,
    };
    await writeOut(stdout, `${JSON.stringify(document)}\n`);
  } else if ((flags.quiet ?? 0) < 2) {
    const when = isDriven ? 'A running watch does this within 2 seconds.' : `No watch is running; the next one does this.`;
    const lines = [words(kind, name, pauses, isNews), ...(isNews ? [when] : [])];
    if (kind !== 'resume' && pauses.length > 0) lines.push(`To end the pause: ${programName(env)} lane resume ${visibleText(name)}`);
    await writeOut(stdout, `${lines.join('\n')}\n`);
  }
}

/** Returns the target of a lane, as it is in the state. */
async function targetOf(name: string, config: Config, env: NodeJS.ProcessEnv): Promise<string> {
  if (name === 'local' && config.lanes.local !== undefined) return resolve(config.lanes.local.path);
  const lanes = await resolveLanes(config, env);
  return lanes.find((lane) => lane.name === name)?.target ?? '';
}

function words(kind: LaneWish['kind'], name: string, pauses: readonly LanePause[], isNews: boolean): string {
  const lane = visibleText(name);
  const roots = pauses.flatMap(({ root }) => (root === undefined ? [] : [visibleText(root)]));
  const paused = isWholePaused(pauses) ? `${lane} is paused` : `${lane} is paused for ${roots.join(', ')}`;
  if (kind === 'retry') return pauses.length === 0 ? `${lane} retries now.` : `${lane} retries now, except what is paused.`;
  if (kind === 'pause') return isNews ? `${paused}. What is already sent stays, and is kept track of.` : `${paused} already.`;
  if (pauses.length > 0) return `${isNews ? '' : 'Nothing changed: '}${paused}.`;
  return isNews ? `${lane} resumes, and gets what is pending.` : `${lane} was not paused.`;
}
