import { cutText, type ErrorCode, MirrorError, messageOf } from '../errors.ts';
import { redactCut } from '../http/index.ts';
import type { ObjectStoreOptions } from './options.ts';

/** Names of errors that another attempt cannot change. */
const NO_ACCESS =
  /AccessDenied|InvalidAccessKeyId|SignatureDoesNotMatch|ExpiredToken|InvalidToken|CredentialsProviderError|TokenRefreshRequired/;
const NO_TARGET = /NoSuchBucket|InvalidBucketName|PermanentRedirect|AuthorizationHeaderMalformed/;

/** Names of errors that pass, though their status says otherwise: a body came too slowly, two writers met. */
const PASSING = /^(RequestTimeout|ConditionalRequestConflict|OperationAborted)$/;

/** The longest part of a server's message that is read, in characters. */
const MOST_TEXT = 2000;
const MOST_NAME = 100;

/** Translates an error of the client into one of mirrorboard, without secrets. */
export function objectError(error: unknown, what: string, { url, credentials }: ObjectStoreOptions): MirrorError {
  if (error instanceof MirrorError) return error;
  const { name: called, $metadata } = error as { name?: unknown; $metadata?: { httpStatusCode?: number } };
  // A server's error name need not be a text.
  const name = typeof called === 'string' ? cutText(called, MOST_NAME) : '';
  const status = $metadata?.httpStatusCode;
  const secrets = [credentials?.secretAccessKey, process.env['AWS_SECRET_ACCESS_KEY'], process.env['AWS_SESSION_TOKEN']];
  const reason = redactCut(
    messageOf(error),
    MOST_TEXT,
    secrets.filter((secret) => secret !== undefined),
  );
  const [code, hint] = meaningOf(name, status);
  const message = `${what} in ${url}: ${name === '' || reason.includes(name) ? '' : `${name}: `}${reason}`;
  return new MirrorError(code, message, {
    ...(code === 'MB4001' ? { retry: 'later' } : {}),
    ...(hint === undefined ? {} : { hint }),
    context: { address: url, ...(name === '' ? {} : { name }), ...(status === undefined ? {} : { status }) },
  });
}

function meaningOf(name: string, status: number | undefined): readonly [code: ErrorCode, hint?: string] {
  if (PASSING.test(name)) return ['MB4001'];
  if (NO_ACCESS.test(name) || status === 401 || status === 403) {
    return [
      'MB4002',
      'Check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, the profile, and the permissions: mirrorboard needs to read, write and list.',
    ];
  }
  if (NO_TARGET.test(name) || status === 404 || status === 301) {
    return ['MB4004', 'Check the bucket and its region; a server other than Amazon S3 needs its endpoint.'];
  }
  if (status !== undefined && status >= 400 && status < 500 && status !== 408 && status !== 429) return ['MB4005'];
  return ['MB4001'];
}
