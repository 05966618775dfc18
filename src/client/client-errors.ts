/** What can go wrong at a client, as errors that a person or a program can act on. */

/** A join that did not succeed. */
export class JoinError extends Error {
  constructor(
    /**
     * The close code that says why (protocol/close-codes.ts): 4401 not allowed, 4001 the server stops, 1006 no connection,
     * 4010 anything that may be tried again, such as a time-out.
     */
    readonly code: number,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'JoinError';
  }
}

/** A frame from the server that can't be read. The room asks for a keyframe and goes on. */
export class MalformedFrameError extends Error {
  readonly code = 'ERR_ESCAPEMENT_FRAME';

  constructor(what: string, options?: ErrorOptions) {
    super(`malformed frame from the server: ${what}`, options);
    this.name = 'MalformedFrameError';
  }
}

/** An input that the room didn't declare. */
export class InputError extends Error {
  readonly code = 'ERR_ESCAPEMENT_INPUT';

  constructor(message: string) {
    super(message);
    this.name = 'InputError';
  }
}
