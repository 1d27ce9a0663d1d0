/** The system's errors about files in words: the only table of them. */
import { messageOf, systemCode } from './errors.ts';

/** The words by the name of the error number. They describe a file or directory: "it …". */
const WORDS: Readonly<Record<string, string>> = {
  EACCES: 'no permission',
  EAGAIN: 'it is in use just now',
  EBADF: 'another part of the program closed it',
  EBADMSG: 'the system cannot read these bytes: its own checksum does not match',
  EBUSY: 'it is in use',
  ECOMM: 'the file server does not answer',
  ECONNREFUSED: 'the file server does not answer',
  ECONNRESET: 'the file server closed the connection',
  EDQUOT: 'the quota is used up',
  EHOSTDOWN: 'the file server is down',
  EHOSTUNREACH: 'the file server cannot be reached',
  EILSEQ: 'this file system does not support its name',
  EINTR: 'it was interrupted',
  EIO: 'the system cannot read these bytes: the disk or the file server has an error',
  EISDIR: 'it is a directory',
  EKEYEXPIRED: 'the ticket for the file server has expired',
  EKEYREJECTED: 'the file server does not accept our ticket',
  ELOOP: 'its links lead in a circle',
  EMFILE: 'this process has too many files open',
  ENAMETOOLONG: 'its name is too long',
  ENETDOWN: 'the network is down',
  ENETUNREACH: 'the file server cannot be reached',
  ENFILE: 'the system has too many files open',
  ENODATA: 'the system cannot read these bytes: there is no data where some should be',
  ENODEV: 'its device is gone',
  ENOENT: 'it does not exist',
  ENOKEY: 'no key or ticket for it',
  ENOLCK: 'the file server has no locks left',
  ENOLINK: 'the link to the file server is broken',
  ENOMEDIUM: 'its disk is not in the drive',
  ENOMEM: 'the system has no memory left',
  ENOSPC: 'the disk is full',
  ENOTCONN: 'its file system lost the server: mount it again',
  ENOTDIR: 'a part of its path is not a directory',
  ENXIO: 'its device is gone',
  EPERM: 'the system does not allow it',
  EPROTO: 'the file server returned an invalid answer',
  EREMOTEIO: 'the system cannot read these bytes: the remote disk has an error',
  EROFS: 'its file system is read-only',
  ESHUTDOWN: 'its file system was shut down',
  ESTALE: 'the file server no longer knows this file',
  ETIMEDOUT: 'the file server did not answer in time',
  EUCLEAN: 'the system cannot read these bytes: its file system is damaged',
};

/** The numbers of Linux for which Node has no name: it says `Unknown system error -116`. */
const NUMBERS: Readonly<Record<number, string>> = {
  61: 'ENODATA',
  67: 'ENOLINK',
  70: 'ECOMM',
  74: 'EBADMSG',
  108: 'ESHUTDOWN',
  112: 'EHOSTDOWN',
  116: 'ESTALE',
  117: 'EUCLEAN',
  121: 'EREMOTEIO',
  122: 'EDQUOT',
  123: 'ENOMEDIUM',
  126: 'ENOKEY',
  127: 'EKEYEXPIRED',
  129: 'EKEYREJECTED',
  37: 'ENOLCK',
};

/**
 * Errors about bytes that cannot be read although others of the same file can: a bad sector, a part on a server that
 * is down.
 */
const ABOUT_BYTES: ReadonlySet<string> = new Set(['EIO', 'EBADMSG', 'ENODATA', 'EREMOTEIO', 'EUCLEAN']);

/** Returns the name of a system error's number, even if Node has no name for it. */
export function errorName(error: unknown): string | undefined {
  const code = systemCode(error);
  const number = /^Unknown system error -(\d+)/.exec(code ?? '')?.[1];
  return number === undefined ? code : (NUMBERS[Number(number)] ?? code);
}

/**
 * Returns the system's reason in words, with the name of its number: `no permission (EACCES)`. Returns the message of
 * any other error.
 */
export function reasonOf(error: unknown): string {
  const name = errorName(error);
  // An error with such a name and no number is mirrorboard's own, and has words.
  const isSystem = typeof error === 'object' && error !== null && 'errno' in error;
  const words = name === undefined || !isSystem ? undefined : WORDS[name];
  return words === undefined ? messageOf(error) : `${words} (${name})`;
}

/** Errors about actions that the system does not allow this user. */
const ABOUT_RIGHTS: ReadonlySet<string> = new Set(['EACCES', 'EPERM', 'EKEYEXPIRED', 'EKEYREJECTED', 'ENOKEY']);
const ABOUT_PATHS: ReadonlySet<string> = new Set(['EILSEQ', 'EISDIR', 'ELOOP', 'ENAMETOOLONG', 'ENOENT', 'ENOTDIR']);
const ABOUT_LIMITS: ReadonlySet<string> = new Set(['EAGAIN', 'EINTR', 'EMFILE', 'ENFILE', 'ENOMEM']);

/** Returns what a person can do if a directory cannot be read. */
export function remedyOf(error: unknown): string {
  const name = errorName(error) ?? '';
  if (ABOUT_RIGHTS.has(name)) return 'Check its permissions.';
  if (ABOUT_PATHS.has(name)) return 'Check the path.';
  if (ABOUT_LIMITS.has(name)) return 'Try again when the system has more to give: memory, open files.';
  return 'Check its disk or its file server, and whether it is mounted.';
}

/** True if an error means that nothing exists at a path; all other errors mean that it cannot be checked. */
export function isGone(error: unknown): boolean {
  const name = errorName(error);
  return name === 'ENOENT' || name === 'ENOTDIR';
}

/** True if an error concerns some bytes of a file, so that others can be read. */
export function isAboutBytes(error: unknown): boolean {
  return ABOUT_BYTES.has(errorName(error) ?? '');
}
