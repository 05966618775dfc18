import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeOptions, decodePayload, encodePayload, PayloadEncoding, PayloadError } from '../src/protocol/payload.js';

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const json = (text: string): unknown => decodePayload(PayloadEncoding.Json, utf8(text));

function codeOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof PayloadError) return error.code;
    throw error;
  }
  return 'none';
}

const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);

describe('payloads come back as they went', () => {
  it('any JSON value', () => {
    const forbidden = /^(__proto__|constructor|prototype)$/;
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 8 }), (value) => {
        const text = JSON.stringify(value);
        fc.pre(!/"(__proto__|constructor|prototype)":/.test(text) && !forbidden.test(text));
        const { encoding, bytes } = encodePayload(value);
        expect(encoding).toBe(PayloadEncoding.Json);
        expect(decodePayload(encoding, bytes)).toEqual(JSON.parse(text));
      }),
      { seed: 20_260_106, numRuns: 500 },
    );
  });

  it('bytes, without a copy', () => {
    const sent = new Uint8Array([0, 1, 255]);
    const { encoding, bytes } = encodePayload(sent);
    expect(encoding).toBe(PayloadEncoding.Bytes);
    expect(decodePayload(encoding, bytes)).toBe(sent);
  });

  it('nothing', () => {
    const { encoding, bytes } = encodePayload(undefined);
    expect(bytes.length).toBe(0);
    expect(decodePayload(encoding, bytes)).toBeUndefined();
  });

  it('JSON out of shared memory', () => {
    const shared = new Uint8Array(new SharedArrayBuffer(7));
    shared.set(utf8('{"a":1}'));
    expect(decodePayload(PayloadEncoding.Json, shared)).toEqual({ a: 1 });
  });

  it('options: an object, or nothing', () => {
    expect(decodeOptions(new Uint8Array(0))).toEqual({});
    expect(decodeOptions(utf8('{"name":"Ada"}'))).toEqual({ name: 'Ada' });
    for (const text of ['null', '[]', '1', '"x"', 'true']) {
      expect(codeOf(() => decodeOptions(utf8(text)))).toBe('PAYLOAD_NOT_OBJECT');
    }
    expect(() => decodeOptions(utf8('[]'))).toThrow('options are an array; send a JSON object');
  });
});

describe('what was received is refused when it is', () => {
  it('not UTF-8', () => {
    for (const bytes of [[0xff], [0x22, 0xc0, 0xaf, 0x22], [0x22, 0xed, 0xa0, 0x80, 0x22], [0x22, 0xe2, 0x82]]) {
      expect(codeOf(() => decodePayload(0, new Uint8Array(bytes)))).toBe('PAYLOAD_NOT_UTF8');
    }
  });

  it('not JSON', () => {
    for (const text of ['{', ' ', '{a:1}', 'undefined', 'NaN', '[1,]', '\ufeff{}', '{}{}', "'a'"]) {
      expect(codeOf(() => json(text))).toBe('PAYLOAD_NOT_JSON');
    }
  });

  it('of an unknown encoding', () => {
    expect(codeOf(() => decodePayload(2, utf8('{}')))).toBe('PAYLOAD_ENCODING_UNKNOWN');
  });

  it('nested deeper than 32', () => {
    expect(codeOf(() => json(nested(32)))).toBe('none');
    expect(codeOf(() => json(nested(33)))).toBe('PAYLOAD_TOO_DEEP');
    expect(codeOf(() => json(nested(100_000)))).toBe('PAYLOAD_TOO_DEEP');
    expect(codeOf(() => json(`${'{"a":'.repeat(32)}1${'}'.repeat(32)}`))).toBe('none');
    expect(codeOf(() => json(`${'{"a":'.repeat(33)}1${'}'.repeat(33)}`))).toBe('PAYLOAD_TOO_DEEP');
  });

  it('with a key that reaches a prototype, at any depth and however it is spelt', () => {
    for (const key of ['__proto__', 'constructor', 'prototype', '\\u005f_proto__', 'construc\\u0074or']) {
      expect(codeOf(() => json(`{"${key}":{"isAdmin":true}}`))).toBe('PAYLOAD_KEY_REFUSED');
      expect(codeOf(() => json(`[1,{"a":[{"b":{"${key}":1}}]}]`))).toBe('PAYLOAD_KEY_REFUSED');
      expect(codeOf(() => decodeOptions(utf8(`{"${key}":1}`)))).toBe('PAYLOAD_KEY_REFUSED');
      expect(json(`"${key}"`)).toBeTypeOf('string');
    }
    expect(Object.hasOwn(Object.prototype, 'isAdmin')).toBe(false);
  });

  it('with a number that only an infinity could hold', () => {
    for (const text of ['1e999', '[-1e999]', '{"a":{"b":1e400}}']) {
      expect(codeOf(() => json(text))).toBe('PAYLOAD_NOT_FINITE');
    }
    expect(json('1e308')).toBe(1e308);
  });
});

describe('what cannot arrive is refused where it is sent', () => {
  it('values JSON cannot say', () => {
    const cycle: Record<string, unknown> = {};
    cycle['self'] = cycle;
    for (const value of [() => 1, Symbol('a'), 10n, { n: 10n }, cycle]) {
      expect(codeOf(() => encodePayload(value))).toBe('PAYLOAD_NOT_ENCODABLE');
    }
    expect(() => encodePayload(() => 1)).toThrow('payload is a function; send a JSON value or a Uint8Array');
    try {
      encodePayload(cycle);
    } catch (error) {
      expect((error as Error).cause).toBeInstanceOf(TypeError);
    }
  });

  it('values the receiver refuses', () => {
    expect(codeOf(() => encodePayload(JSON.parse(nested(33))))).toBe('PAYLOAD_TOO_DEEP');
    expect(codeOf(() => encodePayload({ constructor: 1 }))).toBe('PAYLOAD_KEY_REFUSED');
    expect(codeOf(() => encodePayload([JSON.parse('{"__proto__":1}')]))).toBe('PAYLOAD_KEY_REFUSED');
    expect(codeOf(() => encodePayload({ at: new Date(0), nan: NaN }))).toBe('none');
  });
});
