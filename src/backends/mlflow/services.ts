import type { Environment } from '../../environment.ts';
import { azureMlAt } from './azure-ml.ts';
import { databricksAt } from './databricks.ts';
import type { GivenCredentials, Hosted, WrongAddress } from './hosted.ts';
import { sagemakerAt } from './sagemaker.ts';

/** Reads an address of a service that hosts MLflow; undefined if it is none. */
export function hostedAt(text: string, env: Environment, given: GivenCredentials): Hosted | WrongAddress | undefined {
  const address = text.trim();
  return (
    databricksAt(address, env, given) ??
    sagemakerAt(address, env, given) ??
    azureMlAt(address, env, given) ??
    dagshubAt(address, env, given)
  );
}

/** DagsHub takes a token as the password of a user: by default, of the owner of the repository. */
function dagshubAt(address: string, env: Environment, given: GivenCredentials): Hosted | undefined {
  const [endpoint, owner] = /^https:\/\/dagshub\.com\/([^/?#@:]+)\/[^/?#]+\.mlflow(?=\/?$)/i.exec(address) ?? [];
  if (endpoint === undefined || owner === undefined) return undefined;
  const tokenUser = given.username ?? owner;
  const base = { kind: 'hosted', name: 'DagsHub', uri: endpoint, endpoint, tokenUser } as const;
  const token = given.token === undefined && given.password === undefined ? env['DAGSHUB_USER_TOKEN'] || undefined : undefined;
  if (token === undefined) return base;
  return { ...base, auth: { username: tokenUser, password: token }, credentials: 'DAGSHUB_USER_TOKEN' };
}
