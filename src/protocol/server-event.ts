/** The envelope of the server's events: taking one out of a frame that has been verified, and putting one in. */
import * as flatbuffers from 'flatbuffers';
import { ServerFrame, type ServerEvent } from './generated/server_generated.js';

/** The event of a verified frame; `event` is of the class that belongs to `type`. */
export function eventOf<T>(bytes: Uint8Array, type: ServerEvent, event: T): T {
  const frame = ServerFrame.getRootAsServerFrame(new flatbuffers.ByteBuffer(bytes));
  if (frame.eventType() !== type) {
    throw new Error(`frame holds event ${frame.eventType()}; expected ${type}: look at the reader's kind first`);
  }
  return frame.event(event) as T;
}

/** Ends a frame that holds the event and nothing else. */
export function finish(builder: flatbuffers.Builder, type: ServerEvent, event: flatbuffers.Offset): Uint8Array<ArrayBuffer> {
  ServerFrame.startServerFrame(builder);
  ServerFrame.addEventType(builder, type);
  ServerFrame.addEvent(builder, event);
  ServerFrame.finishServerFrameBuffer(builder, ServerFrame.endServerFrame(builder));
  // The builder writes from the end of a larger array; a slice frees the rest.
  return new Uint8Array(builder.asUint8Array());
}
