import { chatCharsMax, nameBytesMax } from './arena-rules.js';

const botNames = [
  'Anchor', 'Balance', 'Barrel', 'Bezel', 'Cam', 'Cog', 'Crown', 'Detent', 'Fusee', 'Gnomon', 'Hairspring',
  'Impulse', 'Jewel', 'Lever', 'Mainspring', 'Pallet', 'Pendulum', 'Pinion', 'Pivot', 'Ratchet', 'Rotor',
  'Remontoire', 'Tourbillon', 'Verge',
] as const;

/** The name of the nth bot of a room. Parts of a clock, in order, so that no two bots of a room share one. */
export function botName(n: number): string {
  return botNames[n % botNames.length]!;
}

/** Control characters, and those that change the direction or the look of the text after them. */
const unprintable = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/gu;

/**
 * A name fit to be shown to others, whatever a client sent: one line, no control or direction characters, single
 * spaces, at most 24 bytes of UTF-8, cut between characters. Anything that leaves nothing becomes `Player`.
 */
export function cleanName(asked: unknown): string {
  if (typeof asked !== 'string') return 'Player';
  // A name is cut to 24 bytes in the end; there is no reason to walk through a long one first.
  const line = oneLine(asked.slice(0, 4 * nameBytesMax));
  let name = '';
  let bytes = 0;
  for (const character of line) {
    bytes += utf8Bytes(character.codePointAt(0)!);
    if (bytes > nameBytesMax) break;
    name += character;
  }
  return name.trimEnd() || 'Player';
}

/** A chat line fit to be shown, or an empty string when there is nothing to show. */
export function cleanChat(sent: unknown): string {
  if (typeof sent !== 'string') return '';
  return Array.from(oneLine(sent.slice(0, 4 * chatCharsMax))).slice(0, chatCharsMax).join('').trimEnd();
}

function oneLine(sent: string): string {
  // toWellFormed would do for lone surrogates, but browsers older than 2023 lack it, and so does Node 18.
  return sent.replace(/\p{Surrogate}/gu, '').replace(unprintable, ' ').replace(/\s+/gu, ' ').trim();
}

function utf8Bytes(codePoint: number): number {
  if (codePoint < 0x80) return 1;
  if (codePoint < 0x800) return 2;
  return codePoint < 0x10000 ? 3 : 4;
}
