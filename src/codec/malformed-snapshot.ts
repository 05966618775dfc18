/** A body that can't be what the room sent. What it was applied to waits for the next keyframe. */
export class MalformedSnapshotError extends Error {
  readonly code = 'ERR_ESCAPEMENT_SNAPSHOT';

  constructor(what: string, atByte: number) {
    super(`malformed snapshot: ${what} at byte ${atByte} of the body`);
    this.name = 'MalformedSnapshotError';
  }
}
