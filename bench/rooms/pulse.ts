/** The room of the latency bench: shows which input it took last, and the deadline of the tick that took it. */
import { input, Room, table, uint16, uint32 } from 'escapement';

const Pulse = table(
  {
    /** The newest input's own number; 0 before the first. */
    serial: uint32,
    /** Inputs taken so far. */
    taken: uint32,
    /** Deadline of the tick that took the newest one: CLOCK_MONOTONIC in microseconds, modulo 2^32. */
    deadlineUs: uint32,
    /** How late that tick began. */
    latenessUs: uint16,
  },
  { capacity: 1 },
);

const Beat = input({ serial: uint32 });

export default class PulseRoom extends Room {
  static override tickRate = 60;
  static override snapshotRate = 60;
  static override maxClients = 1;

  pulses = this.table(Pulse);
  beats = this.input(Beat);
  #pulse = this.pulses.spawn();

  override onTick(): void {
    // The clock that every process of the machine shares. Read first: what came before is a few microseconds.
    const nowUs = Number(process.hrtime.bigint() / 1000n);
    for (const client of this.clients) {
      let beat;
      while ((beat = this.beats.next(client))) {
        this.#pulse.serial = beat.serial;
        this.#pulse.taken += 1;
        this.#pulse.deadlineUs = Math.round(nowUs - this.latenessMs * 1000) % 2 ** 32;
        this.#pulse.latenessUs = Math.round(this.latenessMs * 1000);
      }
    }
  }
}
