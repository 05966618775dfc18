/** The bound is shown by counting what the walk looks at, which no noise of the machine can blur. */
import { describe, expect, it } from 'vitest';
import * as flatbuffers from 'flatbuffers';
import * as server from '../src/protocol/generated/server_generated.js';
import { encodeClientMessage } from '../src/protocol/client-frames.js';
import { encodeRooms } from '../src/protocol/room-list-frames.js';
import { encodeJoined } from '../src/protocol/server-frames.js';
import {
  createClientVerifier,
  createServerVerifier,
  FrameVerifier,
  Problem,
  problemOf,
} from '../src/protocol/verifier.js';
import { TableShape, tableVector } from '../src/protocol/verifier-shape.js';
import { readHostileFrames } from './corpus/hostile-frames.js';
import { CLIENT_FRAMES, JOINED, ROOM_INFO, SERVER_FRAMES } from './corpus/legal-frames.js';
import { SeededRandom } from './corpus/seeded-random.js';

/**
 * Dearest step: a table of 4 bytes charges 4 and looks at 1 table and at most 8 fields (FieldSpec, RoomInfo), and costs a
 * reference in a vector. So at most (9 + 1) / 4 steps a charged byte, with 8 charged bytes a byte of frame, and before
 * them the root, 1 + 4, and the event, at most 1 + 12 (Joined).
 */
const STEPS_PER_BYTE = 20;
const STEPS_AT_LEAST = 18;

function joinedWithFields(count: number): Uint8Array {
  const input = Array.from({ length: count }, (_, i) => ({ ...JOINED.input[0]!, name: `f${1000 + i}` }));
  return encodeJoined({ ...JOINED, input });
}

function listOfRooms(count: number): Uint8Array {
  const rooms = Array.from({ length: count }, (_, i) => ({ ...ROOM_INFO, roomId: `r${10_000 + i}` }));
  return encodeRooms({ rooms, complete: true, reset: true });
}

describe('a walk looks at no more than the frame is long', () => {
  it('an input costs 5 steps, whatever its body', () => {
    const verifier = createClientVerifier();
    for (const { bytes } of CLIENT_FRAMES.slice(0, 2)) {
      expect(verifier.verify(bytes)).toBe(0);
      expect(verifier.steps).toBe(5);
    }
  });

  it.each([
    ['fields of a Joined', joinedWithFields],
    ['rooms of a list', listOfRooms],
  ])('twice the %s cost twice the steps', (_, frameOf) => {
    const verifier = createServerVerifier();
    const stepsOf = (bytes: Uint8Array): number => {
      expect(verifier.verify(bytes)).toBe(0);
      return verifier.steps;
    };
    const less = stepsOf(frameOf(1000)) - stepsOf(frameOf(500));
    const more = stepsOf(frameOf(2000)) - stepsOf(frameOf(1000));
    expect(more / less).toBeGreaterThan(1.9);
    expect(more / less).toBeLessThan(2.1);
  });

  it('a payload is not walked at all', () => {
    const verifier = createClientVerifier();
    verifier.verify(encodeClientMessage('a', 1, new Uint8Array(10)));
    const steps = verifier.steps;
    verifier.verify(encodeClientMessage('a', 1, new Uint8Array(10_000)));
    expect(verifier.steps).toBe(steps);
  });

  it('parts that are shared to make a small frame read like a huge one are refused inside the bound', () => {
    // n tables that are one table of n fields that are one field with a name of n bytes: n^3 bytes to read in 9 n.
    for (const n of [8, 64, 512, 4096]) {
      const b = new flatbuffers.Builder(1);
      const name = b.createString('x'.repeat(n));
      const field = server.FieldSpec.createFieldSpec(b, name, 0, 0, 0, 0, 0, 0, false);
      const fields = server.TableSpec.createFieldsVector(b, new Array<number>(n).fill(field));
      const table = server.TableSpec.createTableSpec(b, name, 1, fields);
      const tables = server.Joined.createTablesVector(b, new Array<number>(n).fill(table));
      const joined = server.Joined.createJoined(b, name, name, name, 60, 20, tables, fields, name, true, 1, 1, 1);
      b.finish(server.ServerFrame.createServerFrame(b, 0, 0, server.ServerEvent.Joined, joined));
      const bytes = b.asUint8Array();
      const verifier = createServerVerifier();
      expect(problemOf(verifier.verify(bytes))).toBe(Problem.OverBudget);
      expect(verifier.steps).toBeLessThanOrEqual(STEPS_PER_BYTE * bytes.length + STEPS_AT_LEAST);
    }
  });

  it('one room that is listed n times, with n bytes of metadata, is refused inside the bound', () => {
    for (const n of [64, 512, 4096]) {
      const b = new flatbuffers.Builder(1);
      const id = b.createString('r-1');
      const metadata = server.RoomInfo.createMetadataVector(b, new Uint8Array(n));
      const info = server.RoomInfo.createRoomInfo(b, id, false, id, 1, 2, false, 3, metadata);
      const rooms = server.Rooms.createRoomsVector(b, new Array<number>(n).fill(info));
      const list = server.Rooms.createRooms(b, rooms, true, true);
      b.finish(server.ServerFrame.createServerFrame(b, 0, 0, server.ServerEvent.Rooms, list));
      const bytes = b.asUint8Array();
      const verifier = createServerVerifier();
      expect(problemOf(verifier.verify(bytes))).toBe(Problem.OverBudget);
      expect(verifier.steps).toBeLessThanOrEqual(STEPS_PER_BYTE * bytes.length + STEPS_AT_LEAST);
    }
  });

  it('the last shared string counts', () => {
    // Eight times a name that is nearly the frame is inside the budget, the ninth is not; nothing follows it.
    const problemWith = (fieldCount: number): number => {
      const b = new flatbuffers.Builder(1);
      const name = b.createString('x'.repeat(10_000));
      const field = server.FieldSpec.createFieldSpec(b, name, 0, 0, 0, 0, 0, 0, false);
      const input = server.Joined.createInputVector(b, new Array<number>(fieldCount).fill(field));
      const tables = server.Joined.createTablesVector(b, []);
      const id = b.createString('id');
      const joined = server.Joined.createJoined(b, id, id, id, 60, 20, tables, input, 0, false, 0, 0, 0);
      b.finish(server.ServerFrame.createServerFrame(b, 0, 0, server.ServerEvent.Joined, joined));
      return problemOf(createServerVerifier().verify(b.asUint8Array()));
    };
    expect(problemWith(8)).toBe(Problem.None);
    expect(problemWith(9)).toBe(Problem.OverBudget);
  });

  it('a shared table counts with all the bytes it claims', () => {
    const leaf = new TableShape('Leaf', []);
    const verifier = new FrameVerifier(new TableShape('Tree', [tableVector('leaves', [leaf], true)]), 65_536);
    const problemWith = (leafCount: number): number => {
      const bytes = new Uint8Array(32_768);
      const words = new Uint32Array(bytes.buffer);
      // Root at 16, its vtable at 4: leaves at 4. The leaves' vtable at 12: no fields, a table of 30,000 bytes.
      words.set([16, 0x0008_0006, 4, (30_000 << 16) | 4, 12, 4, leafCount]);
      const leafAt = 28 + 4 * leafCount;
      for (let i = 0; i < leafCount; i++) words[7 + i] = leafAt - (28 + 4 * i);
      words[leafAt / 4] = leafAt - 12;
      return problemOf(verifier.walk(bytes));
    };
    expect(problemWith(8)).toBe(Problem.None);
    expect(problemWith(9)).toBe(Problem.OverBudget);
  });

  it('no mutation of any frame exceeds it', () => {
    const random = new SeededRandom(20_260_103);
    const client = createClientVerifier();
    const serverSide = createServerVerifier();
    const hostile = readHostileFrames().map(({ bytes }) => bytes);
    const large = [joinedWithFields(50), listOfRooms(50)];
    const frames = [...CLIENT_FRAMES, ...SERVER_FRAMES].map(({ bytes }) => bytes).concat(hostile, large);
    for (let run = 0; run < 20_000; run++) {
      const copy = frames[random.below(frames.length)]!.slice();
      for (let n = 1 + random.below(3); n > 0; n--) copy[random.below(copy.length)] = random.below(64);
      const limit = STEPS_PER_BYTE * copy.length + STEPS_AT_LEAST;
      client.verify(copy);
      expect(client.steps).toBeLessThanOrEqual(limit);
      serverSide.verify(copy);
      expect(serverSide.steps).toBeLessThanOrEqual(limit);
    }
  });
});
