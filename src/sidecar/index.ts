/** The one job of `sidecar`: find the files beside the event files that belong to a run, and read what is in them. */
export { findFiles, type SideCandidate } from './find-files.ts';
export { type Joined, joinRuleOf, readJoin } from './read-join.ts';
export { MOST_TEXT_BYTES, type ReadParams } from './parse-text.ts';
export { readTextStamp, type TextPlace, textStamp } from './text-place.ts';
export { readParams, readTextParams } from './read-params.ts';
export { type ArtifactRule, DEFAULT_MOST_BYTES, type JoinRule, type ParamRule, type SideRules } from './rule.ts';
export { beginsWith, changed, hashFile, type SideSource, safePath, sideFile } from './side-file.ts';
