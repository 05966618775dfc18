import * as flatbuffers from 'flatbuffers';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ClientFrameKind, ClientFrameReader, decodeJoin, decodeResume, encodePing } from '../src/protocol/client-frames.js';
import * as client from '../src/protocol/generated/client_generated.js';
import * as server from '../src/protocol/generated/server_generated.js';
import { decodeRooms } from '../src/protocol/room-list-frames.js';
import { decodeJoined, ServerFrameKind, ServerFrameReader } from '../src/protocol/server-frames.js';
import { problemText, verifyClientFrame, verifyServerFrame } from '../src/protocol/verifier.js';
import { CLIENT_FRAMES, SERVER_FRAMES } from './corpus/legal-frames.js';
import { walkClientFrame, walkServerFrame } from './corpus/strict-walk.js';

function expectClientFrame(bytes: Uint8Array): void {
  expect(problemText(verifyClientFrame(bytes))).toBe('no problem');
  walkClientFrame(bytes);
}

function expectServerFrame(bytes: Uint8Array): void {
  expect(problemText(verifyServerFrame(bytes))).toBe('no problem');
  walkServerFrame(bytes);
}

const SEED = 20_260_102;

describe('what our encoders write', () => {
  it.each(CLIENT_FRAMES)('client $name', ({ bytes }) => expectClientFrame(bytes));
  it.each(SERVER_FRAMES)('server $name', ({ bytes }) => expectServerFrame(bytes));

  it('at any place in memory: alignment counts from the frame start', () => {
    for (const { bytes } of CLIENT_FRAMES) {
      for (let shift = 1; shift < 8; shift++) {
        const memory = new Uint8Array(bytes.length + 8);
        memory.set(bytes, shift);
        expectClientFrame(memory.subarray(shift, shift + bytes.length));
      }
    }
  });

  it('in shared memory', () => {
    for (const { bytes } of SERVER_FRAMES) {
      const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
      shared.set(bytes);
      expect(verifyServerFrame(shared)).toBe(0);
    }
  });
});

describe('what builders of other languages may write', () => {
  it('fields in any order, with or without defaults', () => {
    const adders: ((b: flatbuffers.Builder, texts: number[], options: number) => void)[] = [
      (b) => client.Join.addMethod(b, client.JoinMethod.Create),
      (b, texts) => client.Join.addRoom(b, texts[0]!),
      (b, texts) => client.Join.addRoomId(b, texts[1]!),
      (b, texts) => client.Join.addToken(b, texts[2]!),
      (b, _, options) => client.Join.addOptions(b, options),
      (b, texts) => client.Join.addTicket(b, texts[3]!),
      (b) => client.Join.addRating(b, -12.5),
      (b, texts) => client.Join.addParty(b, texts[4]!),
      (b) => client.Join.addPartySize(b, 200),
    ];
    fc.assert(
      fc.property(
        fc.shuffledSubarray([0, 1, 2, 3, 4, 5, 6, 7, 8], { minLength: 0 }),
        fc.boolean(),
        fc.boolean(),
        fc.array(fc.string({ unit: 'grapheme', maxLength: 9 }), { minLength: 5, maxLength: 5 }),
        (order, defaults, eventFirst, strings) => {
          const b = new flatbuffers.Builder(1);
          b.forceDefaults(defaults);
          const texts = strings.map((text) => b.createString(text));
          const options = client.Join.createOptionsVector(b, [123, 125]);
          client.Join.startJoin(b);
          for (const index of order) adders[index]!(b, texts, options);
          const join = client.Join.endJoin(b);
          client.ClientFrame.startClientFrame(b);
          if (eventFirst) client.ClientFrame.addEvent(b, join);
          client.ClientFrame.addEventType(b, client.ClientEvent.Join);
          if (!eventFirst) client.ClientFrame.addEvent(b, join);
          b.finish(client.ClientFrame.endClientFrame(b));
          const bytes = b.asUint8Array();
          expectClientFrame(bytes);
          const decoded = decodeJoin(bytes);
          expect(decoded.room).toBe(order.includes(1) ? strings[0] : '');
          expect(decoded.token).toBe(order.includes(3) ? strings[2] : '');
          expect(decoded.options.length).toBe(order.includes(4) ? 2 : 0);
          expect(decoded.ticket).toBe(order.includes(5) ? strings[3] : '');
          expect(decoded.rating).toBe(order.includes(6) ? -12.5 : 0);
          expect(decoded.party).toBe(order.includes(7) ? strings[4] : '');
          expect(decoded.partySize).toBe(order.includes(8) ? 200 : 0);
        },
      ),
      { seed: SEED, numRuns: 500 },
    );
  });

  it('vtables and strings that many tables share', () => {
    const b = new flatbuffers.Builder(1);
    const name = b.createSharedString('a name that is longer than the table that uses it');
    const fields = Array.from({ length: 200 }, () => server.FieldSpec.createFieldSpec(b, name, 7, 1, 2, 0.5, 3, 4, false));
    const vector = server.TableSpec.createFieldsVector(b, fields);
    const table = server.TableSpec.createTableSpec(b, name, 5, vector);
    const tables = server.Joined.createTablesVector(b, [table]);
    const joined = server.Joined.createJoined(b, name, name, name, 60, 20, tables, 0, name, true, 1, 2, 3);
    b.finish(server.ServerFrame.createServerFrame(b, 0, 0, server.ServerEvent.Joined, joined));
    const bytes = b.asUint8Array();
    expectServerFrame(bytes);
    expect(decodeJoined(bytes).tables[0]!.fields.length).toBe(200);
  });

  it('an input whose parts lie in another order, its vtable last', () => {
    // prettier-ignore
    const frame = new Uint8Array(new Uint32Array([
      16,                     //  0: root at 16
      0xeeeeeeee,             //  4: a gap
      2,                      //  8: a body no one refers to
      0xeeee,                 // 12
      0xffffffec,             // 16: table, vtable at 16 + 20
      12,                     // 20: body at 32
      77, 88,                 // 24: head
      0,                      // 32: body: empty
      0x000c_0000 | 10,       // 36: vtable of 10 bytes, table of 16 (below)
      0x0004_0008, 0x0000,    // 40: head at 8, body at 4, no event type
    ]).buffer);
    new DataView(frame.buffer).setUint16(38, 16, true);
    const reader = new ClientFrameReader();
    expect(problemText(reader.read(frame))).toBe('no problem');
    expect([reader.kind, reader.seq, reader.ackTick]).toEqual([ClientFrameKind.Input, 77, 88]);
    expect([reader.bodyOffset, reader.bodyLength]).toEqual([36, 0]);
    walkClientFrame(frame);
  });

  it('an explicit NONE beside head and body', () => {
    const b = new flatbuffers.Builder(1);
    const body = client.ClientFrame.createBodyVector(b, [1, 2, 3]);
    client.ClientFrame.startClientFrame(b);
    b.forceDefaults(true);
    client.ClientFrame.addEventType(b, client.ClientEvent.NONE);
    client.ClientFrame.addBody(b, body);
    client.ClientFrame.addHead(b, client.InputHead.createInputHead(b, 4_000_000_000, 5));
    b.finish(client.ClientFrame.endClientFrame(b));
    const reader = new ClientFrameReader();
    expect(reader.read(b.asUint8Array())).toBe(0);
    expect([reader.seq, reader.ackTick, reader.bodyLength]).toEqual([4_000_000_000, 5, 3]);
    walkClientFrame(b.asUint8Array());
  });

  it('fields that a later version of the schema adds', () => {
    const b = new flatbuffers.Builder(1);
    const text = b.createString('for later');
    b.startObject(9);
    b.addFieldFloat64(0, 12.5, 0);
    b.addFieldInt32(1, 7, 0);
    b.addFieldOffset(5, text, 0);
    b.addFieldInt8(8, 1, 0);
    const ping = b.endObject();
    b.startObject(7);
    client.ClientFrame.addEventType(b, client.ClientEvent.Ping);
    client.ClientFrame.addEvent(b, ping);
    b.addFieldOffset(6, text, 0);
    b.finish(b.endObject());
    const reader = new ClientFrameReader();
    expect(reader.read(b.asUint8Array())).toBe(0);
    expect([reader.kind, reader.timeMs, reader.ackTick]).toEqual([ClientFrameKind.Ping, 12.5, 7]);
  });

  it('frames without the fields that came later', () => {
    const endClient = (b: flatbuffers.Builder, type: client.ClientEvent, event: number): Uint8Array => {
      b.finish(client.ClientFrame.createClientFrame(b, 0, 0, type, event));
      return b.asUint8Array().slice();
    };
    const reader = new ClientFrameReader();
    // What a reader keeps of an earlier frame is none of a later one's.
    expect(reader.read(encodePing(1, 2, 77))).toBe(0);
    expect(reader.received).toBe(77);
    const b = new flatbuffers.Builder(1);
    b.startObject(2);
    b.addFieldFloat64(0, 12.5, 0);
    b.addFieldInt32(1, 7, 0);
    expect(reader.read(endClient(b, client.ClientEvent.Ping, b.endObject()))).toBe(0);
    expect([reader.timeMs, reader.ackTick, reader.received]).toEqual([12.5, 7, 0]);

    b.clear();
    const text = b.createString('as before');
    b.startObject(5);
    b.addFieldOffset(1, text, 0);
    const join = decodeJoin(endClient(b, client.ClientEvent.Join, b.endObject()));
    expect(join).toMatchObject({ room: 'as before', ticket: '', rating: 0, party: '', partySize: 0 });

    b.clear();
    const name = b.createString('as before');
    const tables = server.Joined.createTablesVector(b, []);
    b.startObject(7);
    for (const field of [0, 1, 2]) b.addFieldOffset(field, name, 0);
    b.addFieldOffset(5, tables, 0);
    const joined = b.endObject();
    b.finish(server.ServerFrame.createServerFrame(b, 0, 0, server.ServerEvent.Joined, joined));
    expectServerFrame(b.asUint8Array());
    const session = { resumeToken: '', resumed: false, received: 0, inputSeq: 0, graceMs: 0 };
    expect(decodeJoined(b.asUint8Array())).toMatchObject(session);
  });

  it('any byte but 0 for true', () => {
    for (const byte of [1, 2, 0x80, 0xff]) {
      const b = new flatbuffers.Builder(1);
      const text = b.createString('t');
      b.startObject(4);
      b.addFieldOffset(0, text, 0);
      b.addFieldOffset(1, text, 0);
      b.addFieldInt8(3, byte, 0);
      const resume = b.endObject();
      b.finish(client.ClientFrame.createClientFrame(b, 0, 0, client.ClientEvent.Resume, resume));
      expectClientFrame(b.asUint8Array());
      expect(decodeResume(b.asUint8Array())).toEqual({ sessionId: 't', token: 't', received: 0, anew: true });

      b.clear();
      const id = b.createString('r');
      b.startObject(8);
      b.addFieldOffset(0, id, 0);
      b.addFieldInt8(1, byte, 0);
      b.addFieldInt8(5, byte, 0);
      const rooms = server.Rooms.createRoomsVector(b, [b.endObject()]);
      b.startObject(3);
      b.addFieldOffset(0, rooms, 0);
      b.addFieldInt8(1, byte, 0);
      b.addFieldInt8(2, byte, 0);
      const list = b.endObject();
      b.finish(server.ServerFrame.createServerFrame(b, 0, 0, server.ServerEvent.Rooms, list));
      expectServerFrame(b.asUint8Array());
      const decoded = decodeRooms(b.asUint8Array());
      expect([decoded.complete, decoded.reset, decoded.rooms[0]!.gone, decoded.rooms[0]!.locked]).toEqual(Array(4).fill(true));
    }
  });

  it('a list whose rooms are one and the same, and one of none', () => {
    const b = new flatbuffers.Builder(1);
    const id = b.createString('r');
    const info = server.RoomInfo.createRoomInfo(b, id, false, id, 1, 2, true, 3.5, 0);
    const rooms = server.Rooms.createRoomsVector(b, [info, info, info]);
    b.finish(
      server.ServerFrame.createServerFrame(b, 0, 0, server.ServerEvent.Rooms, server.Rooms.createRooms(b, rooms, true, false)),
    );
    expectServerFrame(b.asUint8Array());
    expect(decodeRooms(b.asUint8Array()).rooms.map(({ roomId, createdMs }) => [roomId, createdMs])).toEqual(
      Array(3).fill(['r', 3.5]),
    );

    b.clear();
    const none = server.Rooms.createRooms(b, server.Rooms.createRoomsVector(b, []), true, true);
    b.finish(server.ServerFrame.createServerFrame(b, 0, 0, server.ServerEvent.Rooms, none));
    const reader = new ServerFrameReader();
    expect(reader.read(b.asUint8Array())).toBe(0);
    expect(reader.kind).toBe(ServerFrameKind.Rooms);
    expect(decodeRooms(b.asUint8Array())).toEqual({ rooms: [], complete: true, reset: true });
  });

  it('a file identifier, and bytes behind the last part', () => {
    const b = new flatbuffers.Builder(1);
    const resync = client.Resync.createResync(b, 9);
    b.finish(client.ClientFrame.createClientFrame(b, 0, 0, client.ClientEvent.Resync, resync), 'TEST');
    const bytes = new Uint8Array(b.asUint8Array().length + 5);
    bytes.set(b.asUint8Array());
    const reader = new ClientFrameReader();
    expect(reader.read(bytes)).toBe(0);
    expect(reader.haveTick).toBe(9);
  });

  it('a pong and a snapshot from the generated builder', () => {
    const reader = new ServerFrameReader();
    const b = new flatbuffers.Builder(1);
    const pong = server.Pong.createPong(b, 0, 0, 0);
    b.finish(server.ServerFrame.createServerFrame(b, 0, 0, server.ServerEvent.Pong, pong));
    expect(reader.read(b.asUint8Array())).toBe(0);
    expect([reader.timeMs, reader.latenessUs, reader.received]).toEqual([0, 0, 0]);

    b.clear();
    const body = server.ServerFrame.createBodyVector(b, [1]);
    server.ServerFrame.startServerFrame(b);
    server.ServerFrame.addHead(b, server.SnapshotHead.createSnapshotHead(b, 0xffff_ffff, 0xffff, 255, 1));
    server.ServerFrame.addBody(b, body);
    b.finish(server.ServerFrame.endServerFrame(b));
    expect(reader.read(b.asUint8Array())).toBe(0);
    expect([reader.tick, reader.ack, reader.age, reader.snapshotKind]).toEqual([0xffff_ffff, 0xffff, 255, 1]);
    expectServerFrame(b.asUint8Array());
  });
});
