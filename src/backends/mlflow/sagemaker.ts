import { createHash, createHmac, type Hash, type Hmac } from 'node:crypto';
import { type Clock, systemClock } from '../../clock.ts';
import type { Environment } from '../../environment.ts';
import { MirrorError, messageOf } from '../../errors.ts';
import type { Authorization, Authorizer, UnsignedRequest } from '../../http/index.ts';
import type { GivenCredentials, Hosted, WrongAddress } from './hosted.ts';

/** A tracking server, or a serverless app, by its ARN. */
const ARN = /^arn:(aws|aws-us-gov):sagemaker:([a-z0-9-]+):([^:/]*):(mlflow-tracking-server|mlflow-app)\/([\w-]+)$/;

/** Reads the ARN of an MLflow server of Amazon SageMaker. */
export function sagemakerAt(address: string, env: Environment, given: GivenCredentials): Hosted | WrongAddress | undefined {
  if (!address.startsWith('arn:')) return undefined;
  const [arn, , region = '', , type] = ARN.exec(address) ?? [];
  if (arn === undefined) {
    return { kind: 'wrong', expected: 'an ARN of MLflow in SageMaker (arn:aws:sagemaker:REGION:ACCOUNT:mlflow-tracking-server/NAME)' };
  }
  if (env['SAGEMAKER_MLFLOW_ASSUME_ROLE_ARN']) {
    const hint = 'Unset it, and set AWS_PROFILE to a profile with this role (role_arn) instead.';
    return { kind: 'wrong', found: 'SAGEMAKER_MLFLOW_ASSUME_ROLE_ARN', expected: 'credentials that mirrorboard supports', hint };
  }
  if (given.token !== undefined || given.password !== undefined) {
    const hint = 'Remove token and password: AWS_PROFILE, AWS_ACCESS_KEY_ID or the role of the machine sign the requests.';
    return { kind: 'wrong', found: 'a token or password', expected: 'credentials of AWS', hint };
  }
  const isApp = type === 'mlflow-app';
  const usual = isApp ? `https://mlflow.sagemaker.${region}.app.aws` : `https://${region}.experiments.sagemaker.aws`;
  return {
    kind: 'hosted',
    name: 'SageMaker',
    uri: arn,
    endpoint: env['SAGEMAKER_MLFLOW_CUSTOM_ENDPOINT'] || usual,
    headers: { [isApp ? 'x-sm-mlflow-app-arn' : 'x-mlflow-sm-tracking-server-arn']: arn },
    credentials: 'AWS_PROFILE, AWS_ACCESS_KEY_ID or the role of the machine',
    authorizer: ({ clock }) => new AwsSignature(region, isApp ? 'sagemaker' : 'sagemaker-mlflow', clock),
    // The page opens only with an address that AWS makes for some minutes.
    pageOf: () => undefined,
  };
}

/** Credentials of AWS. */
export interface AwsIdentity {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** Finds credentials of AWS; without what an earlier search found, if it is asked to. */
export type AwsIdentityFinder = (isAgain: boolean) => Promise<AwsIdentity>;

/** Signs each request with Signature Version 4. */
export class AwsSignature implements Authorizer {
  readonly #region: string;
  readonly #service: string;
  readonly #clock: Clock;
  readonly #find: AwsIdentityFinder;
  /** The identity of the last signature. */
  #last: AwsIdentity | undefined;
  /** The steady time of the last search for other credentials. */
  #searchedMs = Number.NEGATIVE_INFINITY;

  constructor(region: string, service: string, clock: Clock = systemClock, find: AwsIdentityFinder = usualFinder(region)) {
    this.#region = region;
    this.#service = service;
    this.#clock = clock;
    this.#find = find;
  }

  async authorize({ method, url, headers, body }: UnsignedRequest): Promise<Authorization> {
    const credentials = await this.#identity(false);
    const { SignatureV4 } = await import('@smithy/signature-v4');
    const signer = new SignatureV4({ region: this.#region, service: this.#service, credentials, sha256: Sha256 });
    const query: Record<string, string[]> = {};
    for (const name of url.searchParams.keys()) query[name] = url.searchParams.getAll(name);
    const { protocol, hostname, host, pathname: path } = url;
    const request = { method, protocol, hostname, path, query, headers: { ...headers, host, [HASH]: await hashOf(body) } };
    const signed = await signer.sign(request, { signingDate: new Date(this.#clock.wallMs()) });
    const names = ['authorization', 'x-amz-date', 'x-amz-security-token', HASH];
    const added = Object.entries(signed.headers).filter(([name]) => names.includes(name));
    const { secretAccessKey, sessionToken } = credentials;
    return { headers: Object.fromEntries(added), secrets: [secretAccessKey, ...(sessionToken === undefined ? [] : [sessionToken])] };
  }

  async renew(): Promise<boolean> {
    const refused = this.#last;
    const nowMs = this.#clock.steadyMs();
    // The service also refuses what a valid identity may not do: a search each time would be one for each request.
    if (nowMs - this.#searchedMs < PAUSE_MS) return false;
    this.#searchedMs = nowMs;
    const next = await this.#identity(true).catch(() => undefined);
    return next !== undefined && (next.accessKeyId !== refused?.accessKeyId || next.sessionToken !== refused.sessionToken);
  }

  async close(): Promise<void> {}

  async #identity(isAgain: boolean): Promise<AwsIdentity> {
    try {
      this.#last = await this.#find(isAgain);
      return this.#last;
    } catch (cause) {
      const isMissing = cause instanceof Error && cause.name === 'CredentialsProviderError';
      throw new MirrorError(isMissing ? 'MB4002' : 'MB4001', `looking for credentials of AWS: ${messageOf(cause)}`, {
        cause,
        ...(isMissing
          ? { hint: 'Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the machine a role.' }
          : { retry: 'later' }),
      });
    }
  }
}

const HASH = 'x-amz-content-sha256';
/** The shortest time between two searches for other credentials. */
const PAUSE_MS = 30_000;

/** Finds credentials where all tools of AWS do. They are found again before they end. */
function usualFinder(region: string): AwsIdentityFinder {
  let provider: (() => Promise<AwsIdentity>) | undefined;
  return async (isAgain) => {
    const { defaultProvider } = await import('@aws-sdk/credential-provider-node');
    if (isAgain || provider === undefined) provider = defaultProvider({ ignoreCache: true, clientConfig: { region } });
    return await provider();
  };
}

async function hashOf(body: UnsignedRequest['body']): Promise<string> {
  const hash = createHash('sha256');
  if (body !== undefined && typeof body === 'object' && 'read' in body) for await (const piece of body.read()) hash.update(piece);
  else if (body !== undefined) hash.update(body);
  return hash.digest('hex');
}

/** SHA-256 as the signer wants it: with a key, an HMAC. */
class Sha256 {
  readonly #make: () => Hash | Hmac;
  #hash: Hash | Hmac;

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    const key = secret === undefined || typeof secret === 'string' ? secret : bytesOf(secret);
    this.#make = () => (key === undefined ? createHash('sha256') : createHmac('sha256', key));
    this.#hash = this.#make();
  }

  update(data: string | ArrayBuffer | ArrayBufferView): void {
    this.#hash.update(typeof data === 'string' ? data : bytesOf(data));
  }

  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }

  reset(): void {
    this.#hash = this.#make();
  }
}

function bytesOf(data: ArrayBuffer | ArrayBufferView): Uint8Array {
  return ArrayBuffer.isView(data) ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : new Uint8Array(data);
}
