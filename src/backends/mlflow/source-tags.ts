/** The tags of a run: those that identify it, and those that the operator sets. */
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { FileMarks } from '../../backend-kit/identity/index.ts';
import type { RunSource } from '../../contract/index.ts';
import type { Tag } from './client.ts';
import { KeyTable } from './key-table.ts';
import { fitText, heldText, type StoreFacts } from './store-facts.ts';

/** The key of a run. Every run of ours has this tag. */
export const KEY = 'mirrorboard.run_key';
/** The state that opened the run last. */
export const INSTANCE = 'mirrorboard.instance';
/** The files by which mirrorboard recognizes the run. */
export const FINGERPRINT = 'mirrorboard.fingerprint';
/** The ticket of a run among those made for the same key at the same moment, see `backend-kit/identity`. */
export const TICKET = 'mirrorboard.place';
/**
 * The time at which the run was made, by the server's clock, in milliseconds. It shows if the run was left without a
 * ticket.
 */
export const MADE = 'mirrorboard.made';
/** The parent run, as MLflow shows it (`MLFLOW_PARENT_RUN_ID` in `mlflow/utils/mlflow_tags.py`). */
export const PARENT = 'mlflow.parentRunId';
/** The tags without which mirrorboard cannot find a run again, or cannot know that it is ours. */
export const VITAL: ReadonlySet<string> = new Set([KEY, INSTANCE, MADE]);

/** Returns the text of as many files as the tag has room for. */
export function fingerprintText(files: FileMarks, facts: StoreFacts): string {
  const { tagLength } = facts;
  let most = tagLength;
  let text = heldText(files.text(most), facts);
  while (text.length > tagLength) {
    most >>= 1;
    text = heldText(files.text(most), facts);
  }
  return text;
}

/** Returns the tags of a new run. `held`: names of tags that it has already. */
export function tagsOf(source: RunSource, facts: StoreFacts, held: Iterable<string> = []): Tag[] {
  const { run, rootPath, key, instanceId, fingerprint } = source;
  const directory = run.path === '.' ? rootPath : join(rootPath, run.path);
  const own = {
    [KEY]: key,
    'mirrorboard.root': run.root,
    'mirrorboard.run_path': run.path,
    'mirrorboard.source': directory,
    [INSTANCE]: instanceId,
    [FINGERPRINT]: fingerprintText(FileMarks.of(fingerprint), facts),
    'mlflow.user': userName(),
    'mlflow.source.name': directory,
    'mlflow.source.type': 'LOCAL',
  };
  // The operator's tags replace the `mlflow.` tags that mirrorboard would set, but not those by which it finds the
  // run again.
  const configured = configuredTags(source, facts, [...held, ...Object.keys(own)]).map(({ key: name, value }) => [name, value] as const);
  const all = new Map([...Object.entries(own).filter(([name]) => name.startsWith('mlflow.')), ...configured]);
  for (const [name, value] of Object.entries(own)) if (!name.startsWith('mlflow.')) all.set(name, value);
  return [...all].map(([name, value]) => ({ key: name, value: fitText(value, facts.tagLength, facts) }));
}

/** Returns the operator's tags for a run. */
export function configuredTags(source: RunSource, facts: StoreFacts, held: Iterable<string>): Tag[] {
  const keys = new KeyTable(facts, held);
  return Object.entries(source.tags).map(([name, value]) => ({
    key: name.startsWith('mlflow.') ? name : keys.keyOf(name),
    value: fitText(value, facts.tagLength, facts),
  }));
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A container may have no entry for this user.
    return 'mirrorboard';
  }
}
