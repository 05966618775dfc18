/** A seat ticket is taken as it was signed, and no other text is; every refusal costs the same. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { inspect } from 'node:util';
import { describe, expect, it, vi } from 'vitest';
import { TICKET_LENGTH_MAX, Tickets, type TicketKey } from '../src/host/tickets.js';

vi.mock('node:crypto', async (importOriginal) => {
  const crypto = await importOriginal<typeof import('node:crypto')>();
  return { ...crypto, createHmac: vi.fn(crypto.createHmac), timingSafeEqual: vi.fn(crypto.timingSafeEqual) };
});

const keyOf = (id: string, byte: number): TicketKey => ({ id, secret: Buffer.alloc(32, byte) });
const KEY = keyOf('k1', 0xa1);
const CONTENT = { roomId: 'room-AAAAAAA', sessionId: 'session_BBBB', expiresAtMs: 1_800_000_015_000 };
const CLAIMS = { ...CONTENT, hostId: 'host-1' };

const tickets = new Tickets([KEY], 'host-1');
const ticket = tickets.sign(CONTENT);
const bytes = Buffer.from(ticket, 'base64url');

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** A ticket with these bytes before its signature, which is a good one. */
function signedAnew(change: (body: Buffer) => Buffer): string {
  const body = change(Buffer.from(bytes.subarray(0, -32)));
  const signed = Buffer.alloc(23 + 2 + 331);
  signed.write('escapement seat ticket\0', 'latin1');
  signed.writeUInt16BE(body.length, 23);
  body.copy(signed, 25);
  return Buffer.concat([body, createHmac('sha256', KEY.secret).update(signed).digest()]).toString('base64url');
}

describe('a ticket', () => {
  it('is what was signed, and verifies as often as it is looked at', () => {
    expect(tickets.verify(ticket)).toEqual(CLAIMS);
    expect(tickets.verify(ticket)).toEqual(CLAIMS);
    expect(ticket).toMatch(/^[A-Za-z0-9_-]+$/);
  });

  it('holds ids and expiries up to their limits, within the longest text', () => {
    const longest = new Tickets([keyOf('k'.repeat(32), 1)], 'h'.repeat(96));
    const content = { roomId: 'r'.repeat(96), sessionId: '~'.repeat(96), expiresAtMs: 2 ** 48 - 1 };
    const text = longest.sign(content);
    expect(text).toHaveLength(484);
    expect(text.length).toBeLessThanOrEqual(TICKET_LENGTH_MAX);
    expect(longest.verify(text)).toEqual({ ...content, hostId: 'h'.repeat(96) });
    const shortest = { roomId: 'r', sessionId: '!', expiresAtMs: 0 };
    expect(tickets.verify(tickets.sign(shortest))).toEqual({ ...shortest, hostId: 'host-1' });
  });

  it('that a good key has signed is taken only with this format and this host', () => {
    expect(tickets.verify(signedAnew((body) => body))).toEqual(CLAIMS);
    const setByte = (at: number, value: number) => (body: Buffer) => (body.writeUInt8(value, at), body);
    for (const version of [0, 2, 255]) expect(tickets.verify(signedAnew(setByte(0, version)))).toBeNull();
    expect(tickets.verify(signedAnew(setByte(2, 'q'.charCodeAt(0))))).toBeNull();
    expect(tickets.verify(signedAnew((body) => Buffer.concat([body, Buffer.alloc(1)])))).toBeNull();
    expect(tickets.verify(signedAnew((body) => body.subarray(0, -1)))).toBeNull();
    expect(tickets.verify(signedAnew((body) => Buffer.concat([body, Buffer.alloc(400)])))).toBeNull();
  });

  it('names its ids and its expiry when they are none that it can hold, and signs nothing', () => {
    for (const roomId of ['', 'r'.repeat(97), 'with space', 'é', 'a\0b']) {
      expect(() => tickets.sign({ ...CONTENT, roomId })).toThrow(/the id of the room has \d+ characters; expected 1 to 96/);
    }
    expect(() => tickets.sign({ ...CONTENT, sessionId: '' })).toThrow(/the id of the session/);
    for (const expiresAtMs of [-1, 0.5, NaN, Infinity, 2 ** 48]) {
      expect(() => tickets.sign({ ...CONTENT, expiresAtMs })).toThrow(/the expiry of a ticket is .*: round it/);
    }
  });
});

describe('no other text is a ticket:', () => {
  it('none with a bit flipped', () => {
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const flipped = Buffer.from(bytes);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      expect(tickets.verify(flipped.toString('base64url')), `bit ${bit}`).toBeNull();
    }
  });

  it('none with a character replaced by any other', () => {
    for (let at = 0; at < ticket.length; at += 1) {
      for (const character of `${ALPHABET}+/= \n\0é`) {
        if (character === ticket[at]) continue;
        const text = ticket.slice(0, at) + character + ticket.slice(at + 1);
        expect(tickets.verify(text), `${JSON.stringify(character)} at ${at}`).toBeNull();
      }
    }
  });

  it('none cut at either end or longer at either end', () => {
    for (let length = 0; length < ticket.length; length += 1) {
      expect(tickets.verify(ticket.slice(0, length)), `the first ${length}`).toBeNull();
      expect(tickets.verify(ticket.slice(ticket.length - length)), `the last ${length}`).toBeNull();
    }
    for (let length = 1; length < bytes.length; length += 1) {
      expect(tickets.verify(bytes.subarray(0, length).toString('base64url'))).toBeNull();
    }
    for (const more of ['A', 'AAAA', '=', '==', ' ', '\n', '.', ticket, 'A'.repeat(1_000_000)]) {
      expect(tickets.verify(ticket + more)).toBeNull();
      expect(tickets.verify(more + ticket)).toBeNull();
    }
  });

  it.each([0, 1, 2])('none that decodes to the same bytes, %i bytes over a multiple of three', (over) => {
    const hostId = 'h'.repeat(3 + over);
    const some = new Tickets([KEY], hostId);
    const text = some.sign(CONTENT);
    expect(some.verify(text)).toEqual({ ...CONTENT, hostId });
    const same = [...ALPHABET, '='].map((last) => text.slice(0, -1) + last).concat(
      text.replaceAll('-', '+').replaceAll('_', '/'), `${text}=`, `${text}==`, `${text}\n`,
      `${text.slice(0, 9)} ${text.slice(9)}`,
      Buffer.from(text, 'base64url').toString('base64'),
    );
    for (const other of new Set(same)) {
      if (other === text) continue;
      expect(some.verify(other)).toBeNull();
    }
  });

  it('nothing that isn’t even a text', () => {
    for (const value of [undefined, null, 7, {}, [ticket], bytes]) expect(tickets.verify(value as string)).toBeNull();
  });
});

describe('keys', () => {
  it('of others sign nothing that is taken, whatever they are called', () => {
    expect(tickets.verify(new Tickets([keyOf('k2', 0xa1)], 'host-1').sign(CONTENT))).toBeNull();
    expect(tickets.verify(new Tickets([keyOf('k1', 0xa2)], 'host-1').sign(CONTENT))).toBeNull();
    expect(tickets.verify(new Tickets([KEY], 'host-2').sign(CONTENT))).toBeNull();
    expect(tickets.verify(new Tickets([KEY], 'host-').sign(CONTENT))).toBeNull();
  });

  it('are replaced without a ticket lost: the newest signs, older ones verify until they are left out', () => {
    const k2 = keyOf('k2', 2);
    const during = new Tickets([k2, KEY], 'host-1');
    const after = new Tickets([k2], 'host-1');
    expect(during.verify(ticket)).toEqual(CLAIMS);
    const newer = during.sign(CONTENT);
    expect(newer).not.toBe(ticket);
    expect(after.verify(newer)).toEqual(CLAIMS);
    expect(after.verify(ticket)).toBeNull();
    expect(tickets.verify(newer)).toBeNull();
  });

  it('are copied: what becomes of the buffer afterwards changes nothing', () => {
    const secret = Buffer.alloc(32, 0xa1);
    const some = new Tickets([{ id: 'k1', secret }], 'host-1');
    secret.fill(0);
    expect(some.verify(ticket)).toEqual(CLAIMS);
  });

  it('that can’t be used are refused, and their secrets not shown', () => {
    expect(() => new Tickets([], 'host-1')).toThrow(/there are 0 ticket keys; expected at least 1/);
    expect(() => new Tickets([KEY, keyOf('k1', 3)], 'host-1')).toThrow(/two ticket keys have the id k1/);
    expect(() => new Tickets([keyOf('', 1)], 'host-1')).toThrow(/the id of a ticket key has 0 characters/);
    expect(() => new Tickets([KEY], 'a host')).toThrow(/the id of the host/);
    for (const length of [0, 31, 33]) {
      const secret = Buffer.alloc(length, 'S');
      expect(() => new Tickets([{ id: 'k1', secret }], 'host-1')).toThrow(
        new RangeError(`ticket key k1 has ${length} bytes; expected 32: take random ones`),
      );
    }
  });

  it('aren’t shown by printing or serializing what holds them', () => {
    const secret = Buffer.from('0123456789abcdefghijklmnopqrstuv');
    const some = new Tickets([{ id: 'k1', secret }], 'host-1');
    some.verify(some.sign(CONTENT));
    const shown = [
      String(some), inspect(some, { depth: 20, showHidden: true, getters: true }),
      JSON.stringify(some), JSON.stringify({ ...some }),
    ].join();
    expect(shown).toContain('host-1');
    for (const form of ['latin1', 'hex', 'base64', 'base64url'] as const) expect(shown).not.toContain(secret.toString(form));
    expect(shown).not.toContain('30 31 32 33');
    expect(shown).not.toContain(CONTENT.sessionId);
  });
});

describe('the work', () => {
  const flipped = Buffer.from(bytes);
  flipped[bytes.length - 1]! ^= 1;
  const texts: Record<string, unknown> = {
    'good': ticket,
    'missing': undefined,
    'empty': '',
    'too long': 'A'.repeat(513),
    'far too long': 'A'.repeat(1_000_000),
    'no base64url': '!'.repeat(100),
    'zeros': 'A'.repeat(512),
    'cut': ticket.slice(0, -4),
    'not canonical': `${ticket}=`,
    'forged in its last bit': flipped.toString('base64url'),
    'of another version': signedAnew((body) => (body.writeUInt8(2, 0), body)),
    'of an unknown key': new Tickets([keyOf('k9', 9)], 'host-1').sign(CONTENT),
    'of another secret': new Tickets([keyOf('k1', 9)], 'host-1').sign(CONTENT),
    'of another host': new Tickets([KEY], 'another').sign(CONTENT),
  };

  it.each(Object.keys(texts))('for a ticket that is %s is one HMAC over the same number of bytes, and one comparison', (name) => {
    const update = vi.spyOn(Object.getPrototypeOf(createHmac('sha256', '')) as ReturnType<typeof createHmac>, 'update');
    vi.clearAllMocks();
    expect(tickets.verify(texts[name] as string)).toEqual(name === 'good' ? CLAIMS : null);
    expect(createHmac).toHaveBeenCalledTimes(1);
    expect(update.mock.calls.map(([data]) => (data as unknown as Buffer).length)).toEqual([23 + 2 + 331]);
    update.mockRestore();
    expect(timingSafeEqual).toHaveBeenCalledTimes(1);
    const [a, b] = vi.mocked(timingSafeEqual).mock.calls[0]!;
    expect([a.byteLength, b.byteLength]).toEqual([32, 32]);
  });
});
