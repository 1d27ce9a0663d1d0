/**
 * What would help where no connection comes to stand, by the code of the error; it may pass by itself all the same. `address`:
 * the setting that holds it.
 */
export function reachHint(code: string, address = 'the address'): string | undefined {
  switch (code) {
    case 'ECONNREFUSED':
      return `Nothing listens there: is the tracker running, and are host and port right (${address})?`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
    case 'EAI_NODATA':
      return `This machine does not know the host by that name: correct ${address}, or the name service.`;
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'ETIMEDOUT':
    case 'UND_ERR_CONNECT_TIMEOUT':
      return `No answer comes from that host: check ${address}, the network, and what may stand between (VPN, firewall).`;
    default:
      return undefined;
  }
}
