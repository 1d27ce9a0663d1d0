// Event files made by plain functions that return bytes: they share no code with the reader, so that no fault of it
// is repeated here.
export * from './hparams.ts';
export * from './message.ts';
export * from './tensors.ts';
export * from './values.ts';
export * from './wire.ts';
