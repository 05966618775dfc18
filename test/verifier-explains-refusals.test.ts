import { describe, expect, it } from 'vitest';
import { CLOSE_REASON_BYTES_MAX, CloseCode, closeCodeText } from '../src/protocol/close-codes.js';
import { Problem, problemText, verifyClientFrame } from '../src/protocol/verifier.js';
import { CLIENT_FRAME, SERVER_FRAME } from '../src/protocol/verifier-schemas.js';
import type { TableShape } from '../src/protocol/verifier-shape.js';

function placesOf(table: TableShape): number[] {
  return [
    table.place,
    ...table.fields.flatMap((field) => [field.place, ...field.tables.flatMap((inner) => placesOf(inner))]),
  ];
}

describe('a refusal says where and what to do', () => {
  it('names the field as the schema does', () => {
    const frame = new Uint8Array(new Uint16Array([12, 0, 8, 16, 4, 12, 8, 0, 0, 0, 0, 0, 4, 0, 0xffff, 0xffff]).buffer);
    expect(problemText(verifyClientFrame(frame))).toBe(
      'ClientFrame.body: length runs past the frame end; was the frame cut short?',
    );
  });

  it('every text at every place fits a close frame', () => {
    const places = new Set([0, ...placesOf(CLIENT_FRAME), ...placesOf(SERVER_FRAME)]);
    for (const problem of Object.values(Problem)) {
      for (const place of places) {
        const text = problemText(problem | (place << 8));
        expect(new TextEncoder().encode(text).length).toBeLessThanOrEqual(CLOSE_REASON_BYTES_MAX);
        expect(text).not.toMatch(/undefined|unknown problem/);
      }
    }
  });

  it('says so when it does not know a code', () => {
    expect(problemText(0)).toBe('no problem');
    expect(problemText(255)).toBe('unknown problem code 255');
    expect(problemText(Problem.TooShort | (0xffff << 8))).toMatch(/^frame: shorter/);
  });

  it('every close code has words that fit a close frame', () => {
    for (const code of Object.values(CloseCode)) {
      const text = closeCodeText(code);
      expect(text).not.toMatch(/\d/);
      expect(text.length).toBeLessThanOrEqual(CLOSE_REASON_BYTES_MAX);
    }
    expect(closeCodeText(3999)).toBe('closed with code 3999');
  });
});
