/** A listener that could not be opened. The message has the address, the reason and what to do about it. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
  readonly code = 'ERR_ESCAPEMENT_LISTEN';

  /**
   * @param portOption the option that chose the port, as its user wrote it (`--admin-port`, `adminPort`)
   * @param reason system error code (`EADDRINUSE`, ...), when there is one; uWebSockets.js gives none
   */
  constructor(what: string, host: string, port: number, portOption: string, reason?: string, cause?: unknown) {
    super(`${what} cannot listen on ${host}:${port}: ${explain(port, portOption, reason)}`, { cause });
  }
}

function explain(port: number, portOption: string, reason: string | undefined): string {
  const elsewhere = `choose another port (option ${portOption}; 0 takes any free one)`;
  const holder = `ss -ltnp 'sport = :${port}'`;
  switch (reason) {
    case 'EADDRINUSE':
      return `port ${port} is taken; stop its holder (${holder} names it), or ${elsewhere}`;
    case 'EACCES':
      return `the system does not allow this user port ${port}; ${elsewhere}, from 1024 up`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `this machine does not have that address (${reason}); use one of its own, such as 127.0.0.1`;
    default:
      return reason !== undefined
        ? `${reason}; ${elsewhere}`
        : `the port is taken (${holder} names its holder), or this user or machine may not have it; ${elsewhere}`;
  }
}
