/**
 * Returns the hint for an impossible connection, by the code of the error; the problem may still pass on its own.
 * `address`: the setting that holds the address.
 */
export function reachHint(code: string, address = 'the address'): string | undefined {
  switch (code) {
    case 'ECONNREFUSED':
      return `Nothing listens there: check that the tracker is running, and its host and port (${address}).`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
    case 'EAI_NODATA':
      return `This machine cannot resolve the host name: correct ${address}, or the name service.`;
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'ETIMEDOUT':
    case 'UND_ERR_CONNECT_TIMEOUT':
      return `The host does not answer: check ${address}, the network, VPN and firewall.`;
    default:
      return undefined;
  }
}
