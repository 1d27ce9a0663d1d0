/** Turns bytes into batches: framing, checksums, messages, and resuming after damage. Pure: no clock, no disk. */
export { crcRegister, maskedCrc32c, maskedOf } from './crc32c.ts';
export { type DecoderOptions, type DecodeStep, FileDecoder, type IncompleteBefore } from './file-decoder.ts';
export { foreignAdvice } from './foreign.ts';
export { FRAME_BYTES, HEADER_BYTES } from './frame.ts';
export type { RecordLimits } from './limits.ts';
export { isHeader } from './resync.ts';
export { scanWindow } from './scan-memory.ts';
export { TagTable } from './tag-table.ts';
export type { Window } from './window.ts';
