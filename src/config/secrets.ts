/** Fields whose values nobody may see, by the end of their name: `api_key`, also `wandb_api_key`. */
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

/** Whether a field or a variable of this name holds a secret. `api_key_file` holds a path and is none. */
export function isSecretName(name: string): boolean {
  return SECRET.test(
    name
      .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
      .replaceAll('-', '_')
      .toLowerCase(),
  );
}

/** User and password in addresses, taken out. */
export function withoutUserInfo(text: string): string {
  return text.replace(/([a-z0-9+.-]:\/\/)[^\s/"'@]+@/gi, '$1[redacted]@');
}
