/** Inputs and snapshots have one fixed layout, which must be exactly what the generated code would read. */
import * as flatbuffers from 'flatbuffers';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ClientFrameKind, ClientFrameReader, InputFrameWriter } from '../src/protocol/client-frames.js';
import { readU32 } from '../src/protocol/little-endian.js';
import { createClientVerifier } from '../src/protocol/verifier.js';
import { ClientFrame } from '../src/protocol/generated/client_generated.js';
import { ServerFrame } from '../src/protocol/generated/server_generated.js';
import {
  ServerFrameKind,
  ServerFrameReader,
  SNAPSHOT_ACK_OFFSET,
  SNAPSHOT_AGE_OFFSET,
  SNAPSHOT_KIND_OFFSET,
  SNAPSHOT_PREFIX_BYTES,
  SNAPSHOT_TICK_OFFSET,
  SnapshotKind,
  writeSnapshotPrefix,
} from '../src/protocol/server-frames.js';
import { walkClientFrame, walkServerFrame } from './corpus/strict-walk.js';

const RUNS = { seed: 20_260_105, numRuns: 300 };
const u16 = fc.nat(0xffff);
const u32 = fc.nat(0xffff_ffff);

describe('snapshot prefix', () => {
  it('is 32 bytes with the ack at 20', () => {
    expect(SNAPSHOT_PREFIX_BYTES).toBe(32);
    expect([SNAPSHOT_TICK_OFFSET, SNAPSHOT_ACK_OFFSET, SNAPSHOT_AGE_OFFSET, SNAPSHOT_KIND_OFFSET]).toEqual([
      16, 20, 22, 23,
    ]);
  });

  it('and a body make a frame, at any place in shared memory, and touch nothing else', () => {
    const reader = new ServerFrameReader();
    const kinds = fc.constantFrom(SnapshotKind.Delta, SnapshotKind.Keyframe);
    const body = fc.uint8Array({ maxLength: 100 });
    fc.assert(
      fc.property(u32, u16, u16, fc.nat(255), kinds, body, fc.nat(16), (tick, before, ack, age, kind, body, offset) => {
        const end = offset + SNAPSHOT_PREFIX_BYTES + body.length;
        const memory = new Uint8Array(new SharedArrayBuffer(end + 8)).fill(0xee);
        writeSnapshotPrefix(memory, offset, tick, before, age, kind, body.length);
        memory.set(body, offset + SNAPSHOT_PREFIX_BYTES);
        // What the front does for each receiver.
        memory[offset + SNAPSHOT_ACK_OFFSET] = ack;
        memory[offset + SNAPSHOT_ACK_OFFSET + 1] = ack >>> 8;
        expect(memory.subarray(0, offset).every((byte) => byte === 0xee)).toBe(true);
        expect(memory.subarray(end).every((byte) => byte === 0xee)).toBe(true);

        const bytes = memory.slice(offset, end);
        expect(reader.read(bytes)).toBe(0);
        expect(reader.kind).toBe(ServerFrameKind.Snapshot);
        expect([reader.tick, reader.ack, reader.age, reader.snapshotKind]).toEqual([tick, ack, age, kind]);
        expect([reader.bodyOffset, reader.bodyLength]).toEqual([SNAPSHOT_PREFIX_BYTES, body.length]);

        const frame = ServerFrame.getRootAsServerFrame(new flatbuffers.ByteBuffer(bytes));
        const head = frame.head()!;
        expect([head.tick(), head.ack(), head.age(), head.kind()]).toEqual([tick, ack, age, kind]);
        expect(frame.bodyArray()).toEqual(body);
        expect(frame.eventType()).toBe(0);
        walkServerFrame(bytes);
      }),
      RUNS,
    );
  });
});

describe('input frames', () => {
  it('are what the generated code reads, from one array that is written again and again', () => {
    const reader = new ClientFrameReader();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.array(fc.tuple(u32, u32), { maxLength: 4 }), (body, heads) => {
        const writer = new InputFrameWriter(body.length);
        expect(writer.frame.length).toBe(SNAPSHOT_PREFIX_BYTES + body.length);
        writer.frame.set(body, writer.bodyOffset);
        for (const [seq, ackTick] of heads) {
          const bytes = writer.write(seq, ackTick);
          expect(bytes).toBe(writer.frame);
          expect(reader.read(bytes)).toBe(0);
          expect([reader.kind, reader.seq, reader.ackTick]).toEqual([ClientFrameKind.Input, seq, ackTick]);
          expect([reader.bodyOffset, reader.bodyLength]).toEqual([writer.bodyOffset, body.length]);

          const frame = ClientFrame.getRootAsClientFrame(new flatbuffers.ByteBuffer(bytes));
          expect([frame.head()!.seq(), frame.head()!.ackTick()]).toEqual([seq, ackTick]);
          expect(frame.bodyArray()).toEqual(body);
          walkClientFrame(bytes);
        }
      }),
      RUNS,
    );
  });

  it('wrap their numbers at 2^32', () => {
    const reader = new ClientFrameReader();
    reader.read(new InputFrameWriter(0).write(2 ** 32 + 5, 2 ** 32 - 1));
    expect([reader.seq, reader.ackTick]).toEqual([5, 2 ** 32 - 1]);
  });
});

it('an input is read without a walk only when the walk would find the same', () => {
  const reader = new ClientFrameReader();
  const verifier = createClientVerifier();
  const input = fc.record({ seq: u32, ackTick: u32, body: fc.uint8Array({ maxLength: 40 }) });
  // Most bytes of the prefix decide something; a change of one, or another length, makes it another frame, or none.
  const change = fc.record({
    at: fc.nat(40),
    value: fc.nat(255),
    cut: fc.constantFrom(0, 0, 0, 1, 4),
    add: fc.constantFrom(0, 0, 0, 1, 8),
  });
  let same = 0;
  fc.assert(
    fc.property(input, fc.option(change), ({ seq, ackTick, body }, changed) => {
      const writer = new InputFrameWriter(body.length);
      writer.frame.set(body, writer.bodyOffset);
      let bytes = new Uint8Array(writer.write(seq, ackTick));
      if (changed !== null) {
        bytes = new Uint8Array([...bytes.subarray(0, bytes.length - changed.cut), ...new Uint8Array(changed.add)]);
        if (changed.at < bytes.length) bytes[changed.at] = changed.value;
      }
      const problem = verifier.verify(bytes);
      expect(reader.read(bytes)).toBe(problem);
      if (problem !== 0 || verifier.eventType !== 0) return;
      same += 1;
      expect(reader.bodyOffset).toBe(verifier.rootFieldAt[1]! + 4);
      expect(reader.bodyLength).toBe(readU32(bytes, verifier.rootFieldAt[1]!));
      expect(reader.seq).toBe(readU32(bytes, verifier.rootFieldAt[0]!));
      expect(reader.ackTick).toBe(readU32(bytes, verifier.rootFieldAt[0]! + 4));
    }),
    { ...RUNS, numRuns: 5000 },
  );
  expect(same).toBeGreaterThan(1000);
});
