/** Finds the files next to the event files that belong to a run, and reads their content. */

export { type ArtifactSource, artifactFile, beginsWith, changed, hashFile, safePath } from './artifact-file.ts';
export { type ArtifactCandidate, findFiles } from './find-files.ts';
export { MOST_TEXT_BYTES } from './limits.ts';
export type { ReadParams } from './parse-text.ts';
export { type Joined, joinRuleOf, readJoin } from './read-join.ts';
export { readParams, readTextParams } from './read-params.ts';
export { type ArtifactRule, type ArtifactRules, DEFAULT_MOST_BYTES, type JoinRule, type ParamRule } from './rule.ts';
export { readTextStamp, textStamp } from './text-position.ts';
