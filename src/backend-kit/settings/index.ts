/**
 * The reader of a backend's section of the configuration: fields of known kinds, variables, defaults, and problems.
 */
export { switchOf } from '../../flag-names.ts';
export { ADDRESS, count, HEADERS, LIST, oneOf, PATH, SECONDS, type SettingKind, SWITCH, TEXT } from './kinds.ts';
export { type Beneath, type Field, Section, type SettingFields, type ValueOf } from './section.ts';
