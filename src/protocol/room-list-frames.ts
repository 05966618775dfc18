/** Lists of rooms, as a Watch is answered. */
import * as flatbuffers from 'flatbuffers';
import { RoomInfo as WireRoomInfo, Rooms, ServerEvent } from './generated/server_generated.js';
import { copyBytes, copyText } from './message-frame.js';
import { eventOf, finish } from './server-event.js';

/** One room of a list; `gone` ones have nothing but their id. */
export interface RoomInfoFrame {
  roomId: string;
  gone: boolean;
  room: string;
  /** Seats taken. */
  clients: number;
  clientsMax: number;
  locked: boolean;
  /** Since 1970. */
  createdMs: number;
  /** UTF-8 JSON; no bytes: none. */
  metadata: Uint8Array;
}

/** A part of the list that was asked for, or what has changed in it. */
export interface RoomsFrame {
  rooms: readonly RoomInfoFrame[];
  complete: boolean;
  reset: boolean;
}

/** Reads a Rooms out of a frame that has been verified. The result shares no memory with `bytes`. */
export function decodeRooms(bytes: Uint8Array): RoomsFrame {
  const list = eventOf(bytes, ServerEvent.Rooms, new Rooms());
  const rooms: RoomInfoFrame[] = [];
  for (let i = 0; i < list.roomsLength(); i++) {
    const room = list.rooms(i)!;
    rooms.push({
      roomId: copyText(room.roomId(flatbuffers.Encoding.UTF8_BYTES)),
      gone: room.gone(),
      room: copyText(room.room(flatbuffers.Encoding.UTF8_BYTES)),
      clients: room.clients(),
      clientsMax: room.clientsMax(),
      locked: room.locked(),
      createdMs: room.createdMs(),
      metadata: copyBytes(room.metadataArray()),
    });
  }
  return { rooms, complete: list.complete(), reset: list.reset() };
}

/** A frame with a part of a list of rooms, or with what has changed in it. */
export function encodeRooms({ rooms, complete, reset }: RoomsFrame): Uint8Array<ArrayBuffer> {
  const builder = new flatbuffers.Builder(128 + 128 * rooms.length);
  const roomsAt = Rooms.createRoomsVector(builder, rooms.map((room) => writeRoomInfo(builder, room)));
  return finish(builder, ServerEvent.Rooms, Rooms.createRooms(builder, roomsAt, complete, reset));
}

function writeRoomInfo(builder: flatbuffers.Builder, info: RoomInfoFrame): flatbuffers.Offset {
  const roomId = builder.createString(info.roomId);
  const room = info.room === '' ? 0 : builder.createString(info.room);
  const metadata = info.metadata.length > 0 ? builder.createByteVector(info.metadata) : 0;
  const { gone, clients, clientsMax, locked, createdMs } = info;
  return WireRoomInfo.createRoomInfo(builder, roomId, gone, room, clients, clientsMax, locked, createdMs, metadata);
}
