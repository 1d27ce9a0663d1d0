import { pipeline, Readable, Transform } from 'node:stream';
import type { S3Client } from '@aws-sdk/client-s3';
import { oddAnswer, tooLargeAnswer } from '../http/index.ts';
import { formatMemory, memoryShares } from '../memory/index.ts';

/** The longest page of a listing, or error. */
const MOST_TEXT = 4 * 1024 * 1024;

/** Aborts an answer that is longer than the command can need, before the client processes it. */
export function boundAnswers(client: S3Client, address: string): void {
  client.middlewareStack.add(
    (next, context) => async (args) => {
      const answered = await next(args);
      const response = answered.response as { body?: unknown; readonly statusCode?: number };
      if (response.body instanceof Readable) {
        const isContent = context.commandName === 'GetObjectCommand' && (response.statusCode ?? 0) < 300;
        const most = isContent ? memoryShares().answer : MOST_TEXT;
        const source = { what: context.commandName ?? 'asking the object store', address };
        const tooLong = (): Error =>
          isContent ? tooLargeAnswer(source, most) : oddAnswer(source, `it is longer than ${formatMemory(most)}`);
        response.body = pipeline(response.body, counting(most, tooLong), () => undefined);
      }
      return answered;
    },
    // This step is closer to the connection than the reader of the answer.
    { step: 'deserialize', priority: 'low', name: 'boundAnswers', override: true },
  );
}

function counting(most: number, tooLong: () => Error): Transform {
  let bytes = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      if (bytes > most) done(tooLong());
      else done(null, chunk);
    },
  });
}
