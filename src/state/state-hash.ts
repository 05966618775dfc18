/**
 * A 32-bit hash of tables' contents, for tests and desync hunts: FNV-1a over 32-bit words rather than bytes. Both ends feed
 * it the same words in the same order:
 *
 *   for each table, each row by ascending slot: slot, generation, then each field: the quantum, or a text's length and bytes;
 *   after each table: BORDER
 */
const OFFSET = 0x811c9dc5;
const PRIME = 0x01000193;
const BORDER = 0x7461626c;

export class StateHash {
  private state = OFFSET;

  /** The hash of what was added so far, unsigned. */
  get value(): number {
    return this.state >>> 0;
  }

  add(word: number): void {
    this.state = Math.imul(this.state ^ word, PRIME);
  }

  addText(bytes: Uint8Array, start: number, length: number): void {
    this.add(length);
    for (let i = start; i < start + length; i += 1) this.add(bytes[i]!);
  }

  endTable(): void {
    this.add(BORDER);
  }
}
