/** The one job of `sidecar`: find the files beside the event files that belong to a run, and read what is in them. */
export { findFiles, type SideCandidate } from './find-files.ts';
export { type Joined, readJoin } from './read-join.ts';
export type { ReadParams } from './parse-text.ts';
export { readParams } from './read-params.ts';
export type { ArtifactRule, JoinRule, ParamRule, SideRules } from './rule.ts';
export { hashFile, safePath, sideFile } from './side-file.ts';
