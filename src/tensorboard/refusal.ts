import type { status } from '@grpc/grpc-js';

/** The reason why a request has no answer. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly code: status;

  constructor(code: status.NOT_FOUND | status.INVALID_ARGUMENT, message: string) {
    super(message);
    this.code = code;
  }
}
