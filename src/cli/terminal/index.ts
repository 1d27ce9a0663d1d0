/** Turns results into text for a person at a terminal. */

export { counted, formatBytes, formatCount, formatDuration, formatRate, formatStep } from '../../format.ts';
export { columnsOf, wrapText } from '../../wrap-text.ts';
export { renderError } from './error.ts';
export { laneWarning } from './lane-warning.ts';
export { nextLine } from './next-line.ts';
export { notificationLines } from './notification-text.ts';
export { damageBytes, damageReason, obstacleText } from './plain-words.ts';
export { ProgressBlock } from './progress-block.ts';
export { refusedFileJson, reportJson } from './report-json.ts';
export { type ColorChoice, isColored, plainStyle, type Style, styleFor } from './style.ts';
export { firstFew, refusedFileText, renderReport, unsupportedFileText } from './summary.ts';
export { renderTable } from './table.ts';
export { renderVerification } from './verify-text.ts';
export { visibleText } from './visible-text.ts';
export { WatchBlock, watchLines } from './watch-block.ts';
