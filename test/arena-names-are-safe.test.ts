import { describe, expect, it } from 'vitest';
import { botName, cleanChat, cleanName } from '../src/demo/arena-names.js';

const bytesOf = (text: string): number => new TextEncoder().encode(text).length;

describe('names in the arena', () => {
  it.each([
    ['Ada', 'Ada'],
    ['  Ada   Lovelace ', 'Ada Lovelace'],
    ['a\nb\tc\u0000d', 'a b c d'],
    ['\u202eevil', 'evil'],
    ['\ud800x', 'x'],
    ['', 'Player'],
    [' \u200b ', 'Player'],
    [undefined, 'Player'],
    [17, 'Player'],
    [{ toString: () => 'x' }, 'Player'],
    ['__proto__', '__proto__'],
  ])('%j becomes %j', (asked, shown) => {
    expect(cleanName(asked)).toBe(shown);
  });

  it('fit 24 bytes and are never cut inside a character', () => {
    for (const name of ['x'.repeat(100_000), 'ä'.repeat(30), '😀'.repeat(30), `${'x'.repeat(23)}😀`]) {
      const cut = cleanName(name);
      expect(bytesOf(cut)).toBeLessThanOrEqual(24);
      expect(name.startsWith(cut)).toBe(true);
      expect(new TextDecoder('utf-8', { fatal: true }).decode(new TextEncoder().encode(cut))).toBe(cut);
    }
  });

  it('of bots are clean already', () => {
    for (let n = 0; n < 40; n += 1) expect(cleanName(botName(n))).toBe(botName(n));
  });

  it('leave chat lines of at most 120 characters, or nothing', () => {
    expect(cleanChat(' hello\n there ')).toBe('hello there');
    expect(Array.from(cleanChat('😀'.repeat(500)))).toHaveLength(120);
    expect(cleanChat('   ')).toBe('');
    expect(cleanChat({ text: 'x' })).toBe('');
  });
});
