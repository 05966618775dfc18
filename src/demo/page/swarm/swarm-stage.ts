import {
  bodiesMax, bodyRadius, bodySpeedPerSec, creatureCount, farRateHz, kinds, steerRateHz, swarmSize,
} from '../../swarm-rules.js';
import { OwnShip } from '../own-ship.js';
import type { Ranked } from '../scoreboard.js';
import { Sparks } from '../sparks.js';
import { Timeline } from '../timeline.js';
import { CellsSent } from './cells-sent.js';
import { Glides } from './glides.js';
import type { SwarmRoom } from './swarm-room.js';

/** Glides are late by an update of their own already; this much more takes up the jitter of arrivals. */
const drawDelayMs = 50;
/** A creature that vanishes this near to a body's rim was eaten, or has stung. */
const biteReach = 50;

/**
 * A creature that goes is drawn for this much longer. One that crosses from a near cell to a far one is gone until the far
 * cells' next turn, at 5 a second: this bridges that. Of the others nobody sees it, as they are at the edge of what is sent.
 */
const lingerMs = 250;

/** A client's body as it is drawn. */
export interface Figure extends Ranked {
  readonly index: number;
  x: number;
  y: number;
  score: number;
  stunned: boolean;
}

/**
 * Turns snapshots into what a frame shows: others glide along behind the room, the own body moves with the own keys and
 * follows the room's word.
 */
export class SwarmStage {
  readonly creatures: Glides;
  /** Kind of each creature, by row index; local time at which it came, ms. */
  readonly kindOf = new Uint8Array(creatureCount);
  readonly bornMs = new Float64Array(creatureCount);
  private readonly idOf = new Uint32Array(creatureCount);
  /** Local time at which each went, ms; Infinity while it is held. */
  private readonly goneMs = new Float64Array(creatureCount).fill(Infinity);
  readonly figures: Figure[] = [];
  me: Figure | undefined;
  readonly ship = new OwnShip(bodySpeedPerSec, (disc) => {
    disc.x = Math.min(Math.max(disc.x, 0), swarmSize);
    disc.y = Math.min(Math.max(disc.y, 0), swarmSize);
  });
  readonly cells = new CellsSent();
  readonly sparks: Sparks;
  /** Creatures that came and went so far. */
  addedCount = 0;
  removedCount = 0;
  private readonly bodies: Glides;
  private readonly timeline: Timeline;
  private frameMs = NaN;

  constructor(private readonly room: SwarmRoom, private readonly nowMs: () => number, random: () => number) {
    const longestTicks = Math.ceil(room.tickRate / farRateHz);
    this.creatures = new Glides(creatureCount, longestTicks);
    this.bodies = new Glides(bodiesMax, longestTicks);
    this.timeline = new Timeline(room.tickRate, drawDelayMs);
    this.sparks = new Sparks(random);
    this.followCreatures();
    this.followBodies();
  }

  /** The room's state is now that of `tick`. */
  takeSnapshot(tick: number): void {
    this.timeline.arrived(tick, this.nowMs());
    for (const figure of this.figures) {
      const row = this.room.state.bodies.get(figure.id);
      if (row === undefined) continue;
      figure.score = row.score;
      if (row.stunned && !figure.stunned) this.sparks.burst(figure.x, figure.y, 356, 40, 380, this.nowMs());
      figure.stunned = row.stunned;
      if (!figure.isMe) continue;
      this.cells.update(row.x, row.y, this.creatures);
      this.ship.reconcile(row.x, row.y, this.room.ackedInput, this.timeline.dueMs(tick), 1000 / steerRateHz);
    }
  }

  /** Moves everything on to `nowMs`. `dx, dy` is the stick as sent to the room. */
  advance(dx: number, dy: number, nowMs: number): void {
    const dtSec = Number.isNaN(this.frameMs) ? 0 : Math.min((nowMs - this.frameMs) / 1000, 0.1);
    this.frameMs = nowMs;
    const drawTick = this.timeline.drawTick(nowMs);
    this.endLingering(nowMs);
    this.creatures.advance(drawTick);
    this.bodies.advance(drawTick);
    for (const figure of this.figures) {
      if (figure.isMe) {
        const isDeaf = figure.stunned;
        this.ship.step(isDeaf ? 0 : dx, isDeaf ? 0 : dy, dtSec, nowMs);
        figure.x = this.ship.x;
        figure.y = this.ship.y;
      } else {
        figure.x = this.bodies.x[figure.index]!;
        figure.y = this.bodies.y[figure.index]!;
      }
    }
  }

  private followCreatures(): void {
    const { room, creatures } = this;
    room.state.creatures.onAdd(({ id, index, x, y, kind }) => {
      this.addedCount += 1;
      this.goneMs[index] = Infinity;
      if (creatures.held[index] === 1 && this.idOf[index] === id) {
        creatures.update(index, x, y, room.tick);
        return;
      }
      creatures.begin(index, x, y, room.tick);
      this.idOf[index] = id;
      this.kindOf[index] = kind;
      this.bornMs[index] = this.nowMs();
    });
    room.state.creatures.onChange(({ index, x, y }) => creatures.update(index, x, y, room.tick));
    room.state.creatures.onRemove(({ index, x, y, kind }) => {
      this.removedCount += 1;
      this.goneMs[index] = this.nowMs();
      if (!this.isAtSomeRim(x, y)) return;
      creatures.end(index);
      this.sparks.burst(x, y, kinds[kind]!.hue, 9, 190, this.nowMs());
    });
  }

  private endLingering(nowMs: number): void {
    const { creatures, goneMs } = this;
    for (let i = 0; i < creatureCount; i += 1) if (nowMs - goneMs[i]! > lingerMs) creatures.end(i);
  }

  private followBodies(): void {
    const { room, bodies } = this;
    room.state.bodies.onAdd((row) => {
      const { id, index, name, x, y, score, stunned } = row;
      const isMe = row.session === room.sessionId;
      const hue = (row.hue * 360) / 256;
      const figure: Figure = { id, index, name, x, y, score, stunned, hue, isMe, bot: false, dead: false };
      bodies.begin(index, x, y, room.tick);
      this.figures.push(figure);
      if (!isMe) return;
      this.me = figure;
      this.ship.reset(x, y);
    });
    room.state.bodies.onChange(({ index, x, y }) => bodies.update(index, x, y, room.tick));
    room.state.bodies.onRemove(({ id, index }) => {
      bodies.end(index);
      this.figures.splice(this.figures.findIndex((figure) => figure.id === id), 1);
    });
  }

  private isAtSomeRim(x: number, y: number): boolean {
    return this.figures.some((figure) => Math.hypot(figure.x - x, figure.y - y) < bodyRadius(figure.score) + biteReach);
  }
}
