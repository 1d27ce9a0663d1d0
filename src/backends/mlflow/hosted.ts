import type { Clock } from '../../clock.ts';
import type { Auth, Authorizer, TlsOptions } from '../../http/index.ts';
import type { Quotas } from './limits.ts';

/** A service that hosts MLflow, where it differs from the open-source server. */
export interface Hosted {
  readonly kind: 'hosted';
  /** The service's name, for messages. */
  readonly name: string;
  /** The address or name that tells the service's places apart. It is a part of the lane's target. */
  readonly uri: string;
  /** The address of requests. */
  readonly endpoint: string;
  /** Headers of every request. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly auth?: Auth | undefined;
  readonly renewAuth?: (() => Auth | undefined) | undefined;
  /** The user whose password a token is; undefined: a token is a bearer token. */
  readonly tokenUser?: string;
  /** Makes what authorizes each request, instead of `auth`. */
  readonly authorizer?: (parts: AuthorizerParts) => Authorizer;
  /** The source of the credentials, for `doctor`; undefined: the lane's own settings. */
  readonly credentials?: string | undefined;
  readonly quotas?: Quotas;
  /** The notes for `doctor` about what the service limits. */
  readonly notes?: readonly string[];
  /** Returns what is wrong with an experiment's name; undefined if it is valid. */
  readonly nameProblem?: (name: string) => NameProblem | undefined;
  /** Returns the address of a run's page; undefined if it has no address of its own. Default: as MLflow has it. */
  readonly pageOf?: (experimentId: string, runId: string) => string | undefined;
}

/** The parts that an authorizer is made of. */
export interface AuthorizerParts {
  readonly tls: TlsOptions;
  readonly clock: Clock | undefined;
}

/** A problem with an experiment's name. */
export interface NameProblem {
  readonly expected: string;
  readonly hint: string;
}

/** An address that cannot be used as it is. */
export interface WrongAddress {
  readonly kind: 'wrong';
  readonly found?: string;
  readonly expected: string;
  readonly hint?: string;
  /** True if the cause may be on this machine only: a file or variable is missing here. */
  readonly isLocal?: true;
}

/** The credentials in a lane's own settings. They come before those that a service's own tools use. */
export interface GivenCredentials {
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly token: string | undefined;
}
