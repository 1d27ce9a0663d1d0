/** Turns what happened into text for a person at a terminal. */
export { renderError } from './error.ts';
export { counted, formatBytes, formatCount, formatDuration, formatRate, formatStep, formatWallTime } from './format.ts';
export { damageReason } from './plain-words.ts';
export { ProgressBlock, type ProgressBlockOptions, type ProgressStream } from './progress-block.ts';
export { reportJson } from './report-json.ts';
export { type ColorChoice, type ColorQuestion, isColored, plainStyle, type Style, styleFor, type TextStream } from './style.ts';
export { type ReportOptions, renderReport } from './summary.ts';
export { type Column, renderTable, type Table } from './table.ts';
export { renderVerification, type VerificationText } from './verify-text.ts';
export { WatchBlock, type WatchBlockOptions, watchLines } from './watch-block.ts';
export { visibleText } from './visible-text.ts';
