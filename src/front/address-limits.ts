/**
 * What one address may ask for: so many sockets at once, and so many handshakes a second. A handshake is an upgrade, or a
 * request to the HTTP gateway; what is over is refused before it costs anything. Handshakes are a token bucket of two seconds'
 * worth, as in allowance.ts; one that is refused spends nothing, so who waits as long as it is told gets in.
 *
 * Memory. An entry is there while its address has sockets, or its bucket isn't full again, which takes two seconds; a sweep
 * each half second then drops it. An entry takes about 200 bytes (three numbers, a key of up to 19 characters, its place in
 * the map), so at most 100,000 x 200 bytes = 20 MB. Without sockets, it takes 100,000 / 2.5 s = 40,000 new addresses a second
 * to fill the table; to who commands those, a limit for each is no hindrance. So what finds the table full is let through
 * unmeasured, and `connectionsMax` holds.
 */
import { limitKey, type AddressList } from './address-list.js';

/** Addresses that are measured at once. */
export const ADDRESSES_MAX = 100_000;

/** Depth of a bucket, in seconds of its rate. */
const BURST_SEC = 2;

interface Entry {
  /** Sockets open. */
  connections: number;
  /** Handshakes that time has not given back yet, at `chargedMs`. */
  spent: number;
  chargedMs: number;
}

/** Time is handed in, in milliseconds of one clock that never runs backwards. Addresses are as `plainAddress` has them. */
export class AddressLimits {
  private readonly entries = new Map<string, Entry>();

  /**
   * @param connectionsMax sockets at once for each address
   * @param handshakesPerSec handshakes a second for each address
   * @param exempt who is held to neither
   */
  constructor(
    private readonly connectionsMax: number,
    private readonly handshakesPerSec: number,
    private readonly exempt: AddressList,
    private readonly addressesMax = ADDRESSES_MAX,
  ) {}

  /** Addresses that are measured now. */
  get size(): number {
    return this.entries.size;
  }

  /** Charges a handshake. @returns 0 when it may go on, else the whole seconds after which one will be granted. */
  handshake(address: string, nowMs: number): number {
    const entry = this.entryOf(address, nowMs);
    if (entry === null) return 0;
    entry.spent = this.spentAt(entry, nowMs);
    entry.chargedMs = nowMs;
    const over = entry.spent + 1 - BURST_SEC * this.handshakesPerSec;
    if (over > 0) return Math.max(1, Math.ceil(over / this.handshakesPerSec));
    entry.spent += 1;
    return 0;
  }

  /** Whether the address may have one more socket. Each one that is opened then is to be told by `opened`. */
  mayOpen(address: string): boolean {
    const entry = this.exempt.has(address) ? undefined : this.entries.get(limitKey(address));
    return entry === undefined || entry.connections < this.connectionsMax;
  }

  opened(address: string, nowMs: number): void {
    const entry = this.entryOf(address, nowMs);
    if (entry !== null) entry.connections += 1;
  }

  /** A socket of this address has gone. It may have come in unmeasured. */
  closed(address: string): void {
    const entry = this.exempt.has(address) ? undefined : this.entries.get(limitKey(address));
    if (entry !== undefined && entry.connections > 0) entry.connections -= 1;
  }

  /** Drops what says nothing any more: full buckets of addresses without sockets. O(entries). */
  sweep(nowMs: number): void {
    for (const [key, entry] of this.entries) {
      if (entry.connections === 0 && this.spentAt(entry, nowMs) === 0) this.entries.delete(key);
    }
  }

  /** Null: not measured. */
  private entryOf(address: string, nowMs: number): Entry | null {
    if (this.exempt.has(address)) return null;
    const key = limitKey(address);
    let entry = this.entries.get(key);
    if (entry === undefined) {
      if (this.entries.size >= this.addressesMax) return null;
      entry = { connections: 0, spent: 0, chargedMs: nowMs };
      this.entries.set(key, entry);
    }
    return entry;
  }

  private spentAt(entry: Entry, nowMs: number): number {
    return Math.max(0, entry.spent - ((nowMs - entry.chargedMs) / 1000) * this.handshakesPerSec);
  }
}
