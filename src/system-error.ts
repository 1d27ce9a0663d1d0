/** What the system says went wrong with a file, in words: the one table of them. */
import { messageOf, systemCode } from './errors.ts';

/** By the name of the error number. Said of a file or directory: "it …". */
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

/** Numbers of Linux for which Node has no name: it says `Unknown system error -116`. */
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

/** Bytes that cannot be read though others of the same file can: a bad sector, a part on a server that is down. */
const ABOUT_BYTES: ReadonlySet<string> = new Set(['EIO', 'EBADMSG', 'ENODATA', 'EREMOTEIO', 'EUCLEAN']);

/** The name of a system error's number, also if Node has none for it. */
export function errorName(error: unknown): string | undefined {
  const code = systemCode(error);
  const number = /^Unknown system error -(\d+)/.exec(code ?? '')?.[1];
  return number === undefined ? code : (NUMBERS[Number(number)] ?? code);
}

/**
 * The system's reason, in words, with the name of its number: `no permission (EACCES)`; the message of anything
 * else.
 */
export function reasonOf(error: unknown): string {
  const name = errorName(error);
  // What has such a name and no number is our own, and has words.
  const isSystem = typeof error === 'object' && error !== null && 'errno' in error;
  const words = name === undefined || !isSystem ? undefined : WORDS[name];
  return words === undefined ? messageOf(error) : `${words} (${name})`;
}

/** Errors of what the system does not let this user do. */
const ABOUT_RIGHTS: ReadonlySet<string> = new Set(['EACCES', 'EPERM', 'EKEYEXPIRED', 'EKEYREJECTED', 'ENOKEY']);
const ABOUT_PATHS: ReadonlySet<string> = new Set(['EILSEQ', 'EISDIR', 'ELOOP', 'ENAMETOOLONG', 'ENOENT', 'ENOTDIR']);
const ABOUT_LIMITS: ReadonlySet<string> = new Set(['EAGAIN', 'EINTR', 'EMFILE', 'ENFILE', 'ENOMEM']);

/** What a person can do if a directory cannot be read. */
export function remedyOf(error: unknown): string {
  const name = errorName(error) ?? '';
  if (ABOUT_RIGHTS.has(name)) return 'Check its permissions.';
  if (ABOUT_PATHS.has(name)) return 'Check the path.';
  if (ABOUT_LIMITS.has(name)) return 'Try again when the system has more to give: memory, open files.';
  return 'Check its disk or its file server, and whether it is mounted.';
}

/** True if an error says that nothing is under a path; all others say that it cannot be checked. */
export function isGone(error: unknown): boolean {
  const name = errorName(error);
  return name === 'ENOENT' || name === 'ENOTDIR';
}

/** True if an error is about some bytes of a file, so that others can be read. */
export function isAboutBytes(error: unknown): boolean {
  return ABOUT_BYTES.has(errorName(error) ?? '');
}
