/**
 * Reads all there is in a frame with the generated code, over a ByteBuffer that throws at the first byte outside.
 * This is the other side of the verifier's promise: what it accepts, this can walk.
 */
import * as flatbuffers from 'flatbuffers';
import * as client from '../../src/protocol/generated/client_generated.js';
import * as server from '../../src/protocol/generated/server_generated.js';

class StrictByteBuffer extends flatbuffers.ByteBuffer {
  private check(offset: number, bytes: number): void {
    if (!Number.isInteger(offset) || offset < 0 || offset + bytes > this.capacity()) {
      throw new RangeError(`read of ${bytes} bytes at ${offset} in a frame of ${this.capacity()}`);
    }
  }
  override readUint8(offset: number): number {
    this.check(offset, 1);
    return super.readUint8(offset);
  }
  override readUint16(offset: number): number {
    this.check(offset, 2);
    return super.readUint16(offset);
  }
  override readInt32(offset: number): number {
    this.check(offset, 4);
    return super.readInt32(offset);
  }
  override __string(offset: number, encoding?: unknown): string | Uint8Array {
    const start = offset + this.readInt32(offset);
    this.check(start + 4, this.__vector_len(offset) + 1);
    return super.__string(offset, encoding as flatbuffers.Encoding);
  }
  override __vector_len(offset: number): number {
    const length = super.__vector_len(offset);
    this.check(offset + this.readInt32(offset) + 4, length);
    return length;
  }
}

/** Things seen, so that a test can tell that the walk went somewhere. */
let seen = 0;

function see(value: unknown): void {
  if (typeof value === 'number' && !Number.isFinite(value)) throw new RangeError(`read ${value}`);
  if (value !== null && value !== undefined) seen += 1;
}

/** A generated reader gives true or false, whatever the byte. */
function seeBool(value: boolean): void {
  if (typeof value !== 'boolean') throw new RangeError(`read ${String(value)}`);
  seen += 1;
}

function seeBytes(length: number, array: Uint8Array | null, at: (index: number) => number | null): void {
  if ((array?.length ?? 0) !== length) throw new RangeError(`vector of ${length} gave ${array?.length} bytes`);
  for (let i = 0; i < length; i++) {
    if (at(i) !== array![i]) throw new RangeError(`element ${i} differs from the array's`);
    see(at(i));
  }
}

/** Throws when any accessor leaves the frame. Returns how many values it saw. */
export function walkClientFrame(bytes: Uint8Array): number {
  seen = 0;
  const frame = client.ClientFrame.getRootAsClientFrame(new StrictByteBuffer(bytes));
  see(frame.head()?.seq());
  see(frame.head()?.ackTick());
  seeBytes(frame.bodyLength(), frame.bodyArray(), (i) => frame.body(i));
  switch (frame.eventType()) {
    case client.ClientEvent.Join: {
      const join = frame.event(new client.Join()) as client.Join;
      see(client.JoinMethod[join.method()]!.length);
      for (const text of [join.room(), join.roomId(), join.token(), join.ticket(), join.party()]) see(text);
      see(join.rating());
      see(join.partySize());
      seeBytes(join.optionsLength(), join.optionsArray(), (i) => join.options(i));
      break;
    }
    case client.ClientEvent.Message: {
      const message = frame.event(new client.Message()) as client.Message;
      see(message.type()!.length);
      see(client.PayloadEncoding[message.encoding()]!.length);
      seeBytes(message.payloadLength(), message.payloadArray(), (i) => message.payload(i));
      break;
    }
    case client.ClientEvent.Ping: {
      const ping = frame.event(new client.Ping()) as client.Ping;
      see(ping.timeMs());
      see(ping.ackTick());
      see(ping.received());
      break;
    }
    case client.ClientEvent.Resume: {
      const resume = frame.event(new client.Resume()) as client.Resume;
      for (const text of [resume.sessionId(), resume.token()]) see(text!.length);
      see(resume.received());
      seeBool(resume.anew());
      break;
    }
    case client.ClientEvent.Watch: {
      const watch = frame.event(new client.Watch()) as client.Watch;
      see(watch.room());
      seeBytes(watch.filterLength(), watch.filterArray(), (i) => watch.filter(i));
      break;
    }
    case client.ClientEvent.Resync:
      see((frame.event(new client.Resync()) as client.Resync).haveTick());
      break;
    case client.ClientEvent.Leave:
      see((frame.event(new client.Leave()) as client.Leave).code());
      break;
    case client.ClientEvent.NONE:
      break;
    default:
      throw new RangeError(`event type ${frame.eventType()}`);
  }
  return seen;
}

function walkFieldSpec(field: server.FieldSpec): void {
  see(field.name()!.length);
  see(server.FieldKind[field.kind()]!.length);
  for (const number of [field.min(), field.max(), field.step(), field.bits(), field.bytesMax()]) see(number);
  seeBool(field.secret());
}

function walkRoomInfo(info: server.RoomInfo): void {
  see(info.roomId()!.length);
  see(info.room());
  for (const flag of [info.gone(), info.locked()]) seeBool(flag);
  for (const number of [info.clients(), info.clientsMax(), info.createdMs()]) see(number);
  seeBytes(info.metadataLength(), info.metadataArray(), (i) => info.metadata(i));
}

/** Throws when any accessor leaves the frame. Returns how many values it saw. */
export function walkServerFrame(bytes: Uint8Array): number {
  seen = 0;
  const frame = server.ServerFrame.getRootAsServerFrame(new StrictByteBuffer(bytes));
  const head = frame.head();
  if (head !== null) {
    for (const number of [head.tick(), head.ack(), head.age()]) see(number);
    see(server.SnapshotKind[head.kind()]!.length);
  }
  seeBytes(frame.bodyLength(), frame.bodyArray(), (i) => frame.body(i));
  switch (frame.eventType()) {
    case server.ServerEvent.Joined: {
      const joined = frame.event(new server.Joined()) as server.Joined;
      for (const text of [joined.room(), joined.roomId(), joined.sessionId()]) see(text!.length);
      see(joined.tickRate());
      see(joined.snapshotRate());
      for (let i = 0; i < joined.tablesLength(); i++) {
        const table = joined.tables(i)!;
        see(table.name()!.length);
        see(table.capacity());
        for (let j = 0; j < table.fieldsLength(); j++) walkFieldSpec(table.fields(j)!);
      }
      for (let i = 0; i < joined.inputLength(); i++) walkFieldSpec(joined.input(i)!);
      see(joined.resumeToken());
      seeBool(joined.resumed());
      for (const number of [joined.received(), joined.inputSeq(), joined.graceMs()]) see(number);
      break;
    }
    case server.ServerEvent.Refused: {
      const refused = frame.event(new server.Refused()) as server.Refused;
      see(refused.code());
      see(refused.reason()!.length);
      break;
    }
    case server.ServerEvent.Message: {
      const message = frame.event(new server.Message()) as server.Message;
      see(message.type()!.length);
      see(server.PayloadEncoding[message.encoding()]!.length);
      seeBytes(message.payloadLength(), message.payloadArray(), (i) => message.payload(i));
      break;
    }
    case server.ServerEvent.Pong: {
      const pong = frame.event(new server.Pong()) as server.Pong;
      see(pong.timeMs());
      see(pong.latenessUs());
      see(pong.received());
      break;
    }
    case server.ServerEvent.Rejected: {
      const rejected = frame.event(new server.Rejected()) as server.Rejected;
      for (const text of [rejected.type(), rejected.field(), rejected.reason()]) see(text!.length);
      break;
    }
    case server.ServerEvent.Draining: {
      const draining = frame.event(new server.Draining()) as server.Draining;
      see(draining.reason()!.length);
      see(draining.deadlineMs());
      break;
    }
    case server.ServerEvent.Queued: {
      const queued = frame.event(new server.Queued()) as server.Queued;
      for (const number of [queued.waiting(), queued.waitedMs(), queued.tolerance()]) see(number);
      see(queued.reason());
      break;
    }
    case server.ServerEvent.Rooms: {
      const list = frame.event(new server.Rooms()) as server.Rooms;
      for (let i = 0; i < list.roomsLength(); i++) walkRoomInfo(list.rooms(i)!);
      for (const flag of [list.complete(), list.reset()]) seeBool(flag);
      break;
    }
    case server.ServerEvent.NONE:
      break;
    default:
      throw new RangeError(`event type ${frame.eventType()}`);
  }
  return seen;
}
