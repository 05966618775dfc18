import type { ClientRoom } from '../../client/index.js';
import { RateMeter, type roomFigures } from './overlay.js';

/** Reads the figures of a room that both demos show. */
export class RoomMeter {
  private readonly bytes = new RateMeter();
  private readonly snapshots = new RateMeter();
  private readonly frames = new RateMeter();

  constructor(private readonly room: Pick<ClientRoom, 'ping' | 'tick' | 'stats'>) {}

  /** @param frameCount frames that the page has drawn. */
  read(frameCount: number, nowMs: number): Record<keyof typeof roomFigures, number> {
    const { ping, tick, stats } = this.room;
    return {
      pingMs: ping,
      tick,
      latenessMs: stats.serverLatenessMs,
      frames: this.frames.read(frameCount, nowMs),
      bytesPerSec: this.bytes.read(stats.bytesIn, nowMs),
      snapshotsPerSec: this.snapshots.read(stats.snapshots, nowMs),
      bytes: stats.bytesIn,
      keyframes: stats.keyframes,
      skipped: stats.skipped,
      resyncs: stats.resyncs,
    };
  }
}
