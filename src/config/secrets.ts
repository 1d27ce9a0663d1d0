/** The fields with secret values, by the end of their name: `api_key`, also `wandb_api_key`. */
export const SECRET_NAMES = [
  'api_key',
  'apikey',
  'access_key',
  'secret_key',
  'private_key',
  'secret',
  'password',
  'passwd',
  'token',
  'credentials',
] as const;

const SECRET = new RegExp(`(^|_)(${SECRET_NAMES.join('|')})$`);

/** True if a field or a variable of this name holds a secret. `api_key_file` holds a path, which is not secret. */
export function isSecretName(name: string): boolean {
  return SECRET.test(
    name
      .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
      .replaceAll('-', '_')
      .toLowerCase(),
  );
}

/** Removes user and password from addresses: up to the last @, even if a password contains a / (no port does). */
export function withoutUserInfo(text: string): string {
  return text
    .replace(/([a-z0-9+.-]:\/\/)[^\s/"'<>]*@/gi, '$1[redacted]@')
    .replace(/([a-z0-9+.-]:\/\/)[^\s/"'<>@:]+:(?!\d{1,5}(?:[/?#\s"'<>]|$))[^\s"'<>]{0,256}@/gi, '$1[redacted]@');
}

const USER_INFO = /[a-z0-9+.-]:\/\/[^\s/"'<>@:]*:(?!\d{1,5}(?:[/?#\s"'<>]|$))([^\s"'<>]{1,256})@/i;
const PARAMETER = /[?&;]([^=?&;\s"'<>#]+)=([^&\s"'<>#]+)/g;
const REFERENCES = /^(?:\$\{[A-Za-z_][A-Za-z0-9_]*(?::-)?\})+$/;

/**
 * Returns the kind of secret that an address in a file contains in plain text; a secret from a variable does not
 * count.
 */
export function secretInAddress(text: string): 'a password' | 'a secret' | undefined {
  const [, password] = USER_INFO.exec(text) ?? [];
  if (password !== undefined && !REFERENCES.test(password)) return 'a password';
  if (!text.includes('://')) return undefined;
  for (const [, name = '', value = ''] of text.matchAll(PARAMETER)) if (isSecretName(name) && !REFERENCES.test(value)) return 'a secret';
  return undefined;
}
