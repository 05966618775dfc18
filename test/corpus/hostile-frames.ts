/**
 * Reads the files in test/corpus/hostile: one frame each, as hex with `#` comments. Three comments are read:
 * `# schema: client|server`, `# expect: <name of a Problem>` and `# pad: <bytes>` (the frame is filled up with zeros).
 * A frame that ever crashed or fooled the verifier goes there and stays.
 */
import { readFileSync, readdirSync } from 'node:fs';

export interface HostileFrame {
  readonly file: string;
  readonly schema: 'client' | 'server';
  readonly expect: string;
  readonly bytes: Uint8Array;
}

const FOLDER = new URL('./hostile/', import.meta.url);

export function readHostileFrames(): HostileFrame[] {
  const files = readdirSync(FOLDER).filter((file) => file.endsWith('.hex'));
  return files.sort().map((file) => {
    const text = readFileSync(new URL(file, FOLDER), 'utf8');
    const word = (name: string): string | undefined => new RegExp(`^# ${name}: (\\w+)$`, 'm').exec(text)?.[1];
    const schema = word('schema');
    const expect = word('expect');
    if ((schema !== 'client' && schema !== 'server') || expect === undefined) {
      throw new Error(`${file}: expected "# schema: client|server" and "# expect: <Problem>"`);
    }
    const hex = text.replace(/#.*$/gm, '').replace(/\s+/g, '');
    const written = Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
    const bytes = new Uint8Array(Math.max(written.length, Number(word('pad') ?? 0)));
    bytes.set(written);
    return { file, schema, expect, bytes };
  });
}
