import { describe, expect, it } from 'vitest';
import { ClientFrameKind, ClientFrameReader } from '../src/protocol/client-frames.js';
import { ServerFrameKind, ServerFrameReader } from '../src/protocol/server-frames.js';
import {
  CLIENT_FRAME_BYTES_MAX,
  FrameVerifier,
  Problem,
  problemOf,
  SERVER_FRAME_BYTES_MAX,
  verifyClientFrame,
  verifyServerFrame,
} from '../src/protocol/verifier.js';
import { TableShape, tableVector } from '../src/protocol/verifier-shape.js';
import { readHostileFrames } from './corpus/hostile-frames.js';
import { CLIENT_FRAMES, SERVER_FRAMES } from './corpus/legal-frames.js';

const nameOf = (code: number): string | undefined =>
  Object.entries(Problem).find(([, value]) => value === problemOf(code))?.[0];

describe('hostile frames are refused for the reason that is wrong with them', () => {
  const frames = readHostileFrames();

  it('has a corpus', () => {
    expect(frames.length).toBeGreaterThan(50);
  });

  it.each(frames)('$file: $expect', ({ schema, expect: problem, bytes }) => {
    const verify = schema === 'client' ? verifyClientFrame : verifyServerFrame;
    expect(nameOf(verify(bytes))).toBe(problem);
    const reader = schema === 'client' ? new ClientFrameReader() : new ServerFrameReader();
    expect(nameOf(reader.read(bytes))).toBe(problem);
    expect(reader.problemOffset).toBeGreaterThanOrEqual(0);
    expect(reader.problemOffset).toBeLessThanOrEqual(bytes.length);
  });

  it('covers every problem that a file can show', () => {
    const covered = new Set(frames.map((frame) => frame.expect));
    // Shown below: one needs a schema that contains itself, one a large frame.
    const rest = Object.keys(Problem).filter((name) => !covered.has(name));
    expect(rest).toEqual(['None', 'TooLong', 'TooDeep']);
  });
});

describe('limits', () => {
  it('refuses frames under 8 and over the greatest length without looking inside', () => {
    for (let length = 0; length < 8; length++) {
      expect(nameOf(verifyClientFrame(new Uint8Array(length)))).toBe('TooShort');
      expect(nameOf(verifyServerFrame(new Uint8Array(length)))).toBe('TooShort');
    }
    expect(nameOf(verifyClientFrame(new Uint8Array(CLIENT_FRAME_BYTES_MAX + 1)))).toBe('TooLong');
    expect(nameOf(verifyServerFrame(new Uint8Array(SERVER_FRAME_BYTES_MAX + 1)))).toBe('TooLong');
  });

  it('refuses tables that nest deeper than 8', () => {
    const element: TableShape[] = [];
    const node = new TableShape('Node', [tableVector('children', element, false)]);
    element.push(node);
    const verifier = new FrameVerifier(node, 4096);
    expect(verifier.walk(nestedNodes(8))).toBe(0);
    expect(nameOf(verifier.walk(nestedNodes(9)))).toBe('TooDeep');
    expect(nameOf(verifier.walk(nestedNodes(100)))).toBe('TooDeep');
  });

  it('a refused frame leaves no kind behind', () => {
    const client = new ClientFrameReader();
    expect(client.read(CLIENT_FRAMES[0]!.bytes)).toBe(0);
    client.read(new Uint8Array(8));
    expect(client.kind).toBe(ClientFrameKind.None);
    const server = new ServerFrameReader();
    expect(server.read(SERVER_FRAMES[0]!.bytes)).toBe(0);
    server.read(new Uint8Array(8));
    expect(server.kind).toBe(ServerFrameKind.None);
  });
});

/** `count` tables, each but the last with one child: root word, one vtable for all, then 16 bytes a table. */
function nestedNodes(count: number): Uint8Array {
  const words = [12, 0x0008_0006, 4];
  for (let i = 0; i < count; i++) {
    const isLast = i === count - 1;
    // table (its vtable at 4), offset to the children, their count, offset to the child
    words.push(8 + 16 * i, 4, isLast ? 0 : 1, 4);
  }
  return new Uint8Array(Uint32Array.from(words).buffer);
}
