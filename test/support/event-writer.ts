// Event files for tests and benchmarks, made by plain functions that return bytes and share no code with the product.
export * from './big-log.ts';
export * from './event-hparams.ts';
export * from './event-message.ts';
export * from './event-tensors.ts';
export * from './event-values.ts';
export * from './event-wire.ts';
