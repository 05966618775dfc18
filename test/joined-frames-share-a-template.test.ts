/** The Joined of every client of a room reads as if it had been encoded for that client alone. */
import { expect, it } from 'vitest';
import { JoinedWriter, type Greeting } from '../src/protocol/joined-writer.js';
import { decodeJoined } from '../src/protocol/server-frames.js';
import { createServerVerifier } from '../src/protocol/verifier.js';

const field = { name: 'x', kind: 7, min: 0, max: 800, step: 0.5, bits: 0, bytesMax: 0, secret: false };
const handshake = {
  room: 'dots',
  roomId: 'abcdefghijkl',
  tickRate: 60,
  snapshotRate: 20,
  tables: [{ name: 'dots', capacity: 256, fields: [field, { ...field, name: 'y' }] }],
  input: [{ ...field, name: 'dx' }],
  graceMs: 20_000,
};
const verifier = createServerVerifier();

it.each<[string, Greeting]>([
  ['first', { sessionId: 'ABCDEFGHIJKL', resumeToken: 'r'.repeat(22), resumed: false, received: 0, inputSeq: 0 }],
  ['another', { sessionId: 'mnopqrstuvwx', resumeToken: 's'.repeat(22), resumed: true, received: 2 ** 32 - 1, inputSeq: 70_000 }],
  ['one with a longer id', { sessionId: 'a much longer one', resumeToken: 't', resumed: true, received: 5, inputSeq: 6 }],
  ['one after that', { sessionId: 'yz0123456789', resumeToken: 'u'.repeat(22), resumed: false, received: 1, inputSeq: 0 }],
])('%s', (_, greeting) => {
  const writer = new JoinedWriter(handshake);
  writer.write({ sessionId: '============', resumeToken: '='.repeat(22), resumed: true, received: 9, inputSeq: 9 });
  const frame = writer.write(greeting);
  expect(verifier.verify(frame)).toBe(0);
  expect(decodeJoined(frame)).toEqual({ ...handshake, ...greeting });
});
