/** A busy world that tells everybody the hash of each snapshot it sent: clients compare it with what they hold. */
import { angle, bool, fixed, float32, input, int8, int16, Room, table, text, uint32, uint8, type Client } from 'escapement';

const Body = table(
  {
    session: text(16),
    name: text(24),
    x: fixed(0, 2000, 1 / 32),
    y: fixed(0, 2000, 1 / 32),
    heading: angle(8),
    health: uint8,
    drift: int16,
    mass: float32,
    stamp: uint32,
    awake: bool,
  },
  { capacity: 64 },
);

const Spark = table({ x: fixed(-10, 10, 0.1), life: uint8 }, { capacity: 200 });

const Push = input({ dx: int8, dy: int8, turn: angle(8), boost: bool });

export interface HashMessage {
  readonly tick: number;
  readonly hash: number;
}

export default class Drift extends Room {
  static override maxClients = 16;

  bodies = this.table(Body);
  sparks = this.table(Spark);
  push = this.input(Push);
  #toldTick = 0;

  onCreate(): void {
    for (let i = 0; i < 16; i += 1) this.bodies.spawn({ x: this.random() * 2000, y: this.random() * 2000, name: `rock ${i}` });
    this.onMessage('rename', (client, name: string) => (client.data.body.name = name));
    this.onMessage('stop', () => this.disconnect());
  }

  onJoin(client: Client, options: { name?: string }): void {
    client.data.body = this.bodies.spawn({
      session: client.sessionId,
      name: options.name ?? '',
      x: 1000,
      y: 1000,
      health: 100,
      awake: true,
    });
  }

  onTick(dt: number): void {
    this.tellHash();
    for (const client of this.clients) {
      const { body } = client.data;
      let push;
      while ((push = this.push.next(client))) {
        body.x += push.dx * dt;
        body.y += push.dy * dt;
        body.heading = push.turn;
        body.awake = push.boost;
      }
    }
    const { bodies, sparks } = this;
    for (let i = 0; i < bodies.rowEnd; i += 1) {
      if (bodies.alive[i] === 0 || this.random() < 0.2) continue;
      bodies.columns.x[i] += (this.random() - 0.5) * 8;
      bodies.columns.y[i] += (this.random() - 0.5) * 8;
      bodies.columns.heading[i] += this.random();
      bodies.columns.drift[i] = (this.random() - 0.5) * 70_000;
      bodies.columns.mass[i] = this.random() * 1e9;
      bodies.columns.stamp[i] = this.random() * 2 ** 32;
    }
    if (this.random() < 0.5 && sparks.size < sparks.capacity) sparks.spawn({ x: this.random(), life: 30 });
    for (const spark of sparks) {
      spark.life -= 1;
      spark.x += 0.3 - this.random() * 0.6;
      if (spark.life === 0) sparks.despawn(spark);
    }
  }

  onLeave(client: Client): void {
    this.bodies.despawn(client.data.body);
  }

  private tellHash(): void {
    if (this.snapshotTick === this.#toldTick) return;
    this.#toldTick = this.snapshotTick;
    this.broadcast('hash', { tick: this.snapshotTick, hash: this.snapshotHash() } satisfies HashMessage);
  }
}
