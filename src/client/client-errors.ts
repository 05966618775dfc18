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

/** A message that can't be kept until the server takes it: too many wait. */
export class OutboxFullError extends Error {
  readonly code = 'ERR_ESCAPEMENT_OUTBOX';

  constructor(type: string, limit: string) {
    super(`message ${type} is not sent: the server has yet to take ${limit}; send less while the room is not connected`);
    this.name = 'OutboxFullError';
  }
}

/** Something that this client sent was not taken: a message's payload or an input didn't pass the room's checks. */
export class RejectedError extends Error {
  readonly code = 'ERR_ESCAPEMENT_REJECTED';

  constructor(
    /** Type of the message; empty for an input. */
    readonly type: string,
    /** Path of the field that is wrong, such as `aim` or `items.3.count`; empty: the whole. */
    readonly field: string,
    /** What is wrong with it. */
    readonly reason: string,
  ) {
    super(`the room took no ${type === '' ? 'input' : `message ${type}`}: ${field === '' ? '' : `${field}: `}${reason}`);
    this.name = 'RejectedError';
  }
}

/** A list of rooms that could not be had. */
export class RoomListError extends Error {
  readonly code = 'ERR_ESCAPEMENT_ROOM_LIST';

  constructor(
    /** HTTP status of the answer; 0 when there was none. */
    readonly status: number,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'RoomListError';
  }
}
