import { fireIntervalSec, inputRateHz, playerRadius } from '../arena-rules.js';
import type { ArenaRoom } from './arena-room.js';
import type { Figure } from './figure.js';
import { OwnShip } from './own-ship.js';
import type { Scene } from './painter.js';
import { Sparks } from './sparks.js';
import { Timeline } from './timeline.js';
import { Track } from './track.js';
import { Tracers, type Target, type Tracer } from './tracers.js';

/** A figure and where it was. */
interface Actor {
  readonly figure: Figure;
  readonly track: Track;
}

/** What the own player's hands do in one frame. */
export interface Hands {
  dx: number;
  dy: number;
  /** Radians. */
  aim: number;
  /** The trigger is down; it was pulled since the last frame. A short click is only the second. */
  held: boolean;
  pulled: boolean;
}

/**
 * Turns snapshots into what a frame shows. Others are drawn a little in the past, between two snapshots. The own player
 * and its shots are drawn in the present, from the own hands, and follow the room's word.
 */
export class Stage {
  readonly figures: Figure[] = [];
  me: Figure | undefined;
  readonly ship = new OwnShip();
  readonly sparks: Sparks;
  readonly tracers: Tracers;
  /** Local time of the latest death of the own player, ms. */
  diedAtMs = 0;
  private readonly timeline: Timeline;
  private readonly actors = new Map<number, Actor>();
  private readonly bulletsGone: number[] = [];
  private readonly others: Target[] = [];
  private snapshotTick = 0;
  private drawTick = 0;
  private presentTick = 0;
  private nextShotMs = 0;
  private wantsShot = false;
  private frameMs = NaN;

  constructor(private readonly room: ArenaRoom, random: () => number) {
    this.sparks = new Sparks(random);
    this.timeline = new Timeline(room.tickRate);
    this.tracers = new Tracers(room.tickRate);
    room.state.players.onAdd((row) => {
      const figure: Figure = {
        id: row.id, name: row.name, x: row.x, y: row.y, heading: row.heading, health: row.health, score: row.score,
        dead: row.dead, bot: row.bot, isMe: row.session === room.sessionId, hue: (row.hue * 360) / 256,
        flashAtMs: 0, hurtAtMs: 0,
      };
      this.actors.set(row.id, { figure, track: new Track() });
      this.figures.push(figure);
      if (figure.isMe) this.me = figure;
      if (figure.isMe) this.ship.reset(row.x, row.y);
    });
    room.state.players.onRemove((row) => {
      const actor = this.actors.get(row.id);
      this.actors.delete(row.id);
      if (actor !== undefined) this.figures.splice(this.figures.indexOf(actor.figure), 1);
    });
    // Ended bullets are looked into once the whole snapshot is there: where the players are decides where they ended.
    room.state.bullets.onRemove((row) => this.bulletsGone.push(row.id));
  }

  /** The room's state is now that of `tick`. */
  takeSnapshot(tick: number, nowMs: number): void {
    this.timeline.arrived(tick, nowMs);
    // A hidden tab goes on receiving but draws nothing, and only drawing ends tracers.
    if (nowMs - this.frameMs > 1000) this.tracers.list.length = 0;
    for (const row of this.room.state.players) {
      const actor = this.actors.get(row.id);
      if (actor === undefined) continue;
      actor.track.record(tick, row);
      actor.figure.score = row.score;
      if (actor.figure.isMe) this.followRoom(actor.figure, row, tick, nowMs);
    }
    this.readBullets(tick, nowMs);
    this.snapshotTick = tick;
  }

  /** Moves everything on to `nowMs`. */
  advance(hands: Hands, nowMs: number): void {
    const dtSec = Number.isNaN(this.frameMs) ? 0 : Math.min((nowMs - this.frameMs) / 1000, 0.1);
    const presentBefore = this.presentTick;
    this.frameMs = nowMs;
    this.drawTick = this.timeline.drawTick(nowMs);
    this.presentTick = (nowMs * this.room.tickRate) / 1000;
    this.others.length = 0;
    for (const { figure, track } of this.actors.values()) {
      if (figure.isMe) continue;
      if (!track.seek(this.drawTick)) continue;
      this.show(figure, track, nowMs);
      if (!figure.dead) this.others.push({ id: figure.id, x: figure.x, y: figure.y, radius: playerRadius });
    }
    if (this.me !== undefined) this.playMe(this.me, hands, dtSec, nowMs);
    for (const tracer of this.tracers.list) {
      if (this.isMine(tracer)) {
        this.tracers.clip(tracer, Math.max(presentBefore, tracer.fromTick), this.presentTick, this.others);
      }
    }
    this.tracers.sweep(this.tickOf, (tracer) => {
      if (!tracer.strikes) return;
      const { endTick, hue } = tracer;
      this.sparks.burst(this.tracers.xAt(tracer, endTick), this.tracers.yAt(tracer, endTick), hue, 7, 170, nowMs);
    });
  }

  /** The rest of a scene is the painter's and the page's. */
  scene(pointerX: number, pointerY: number, markedAtMs: number, plays: boolean): Scene {
    const { figures, tracers, sparks, tickOf } = this;
    const aims = plays && this.me?.dead === false;
    return { figures, tracers, tickOf, sparks, markedAtMs, pointerX, pointerY, aims };
  }

  private readonly tickOf = (tracer: Tracer): number => (this.isMine(tracer) ? this.presentTick : this.drawTick);

  private isMine(tracer: Tracer): boolean {
    return this.me !== undefined && tracer.owner === this.me.id;
  }

  private followRoom(
    me: Figure, row: { x: number; y: number; health: number; dead: boolean }, tick: number, nowMs: number,
  ): void {
    if (row.dead && !me.dead) this.diedAtMs = nowMs;
    if (row.dead || me.dead) {
      this.ship.reset(row.x, row.y);
    } else {
      this.ship.reconcile(row.x, row.y, this.room.ackedInput, this.timeline.dueMs(tick), 1000 / inputRateHz);
    }
    const { health, dead } = row;
    this.show(me, { x: this.ship.x, y: this.ship.y, heading: me.heading, health, dead }, nowMs);
  }

  /** Sets a figure, and starts the sparks for what has happened to it. */
  private show(figure: Figure, now: Pick<Figure, 'x' | 'y' | 'heading' | 'health' | 'dead'>, nowMs: number): void {
    if (now.dead && !figure.dead) {
      this.sparks.burst(figure.x, figure.y, figure.hue, 44, 420, nowMs);
      this.sparks.burst(figure.x, figure.y, 45, 16, 240, nowMs);
    } else if (now.health < figure.health && !now.dead) {
      figure.hurtAtMs = nowMs;
      this.sparks.burst(now.x, now.y, figure.hue, 6, 200, nowMs);
    } else if (figure.dead && !now.dead) {
      this.sparks.burst(now.x, now.y, figure.hue, 24, 200, nowMs);
    }
    figure.x = now.x;
    figure.y = now.y;
    figure.heading = now.heading;
    figure.health = now.health;
    figure.dead = now.dead;
  }

  private playMe(me: Figure, hands: Hands, dtSec: number, nowMs: number): void {
    if (me.dead) {
      this.wantsShot = false;
      return;
    }
    this.ship.step(hands.dx, hands.dy, dtSec, nowMs);
    me.x = this.ship.x;
    me.y = this.ship.y;
    me.heading = hands.aim;
    // As in the room: a pull while reloading fires when that is done.
    this.wantsShot ||= hands.pulled;
    if (!(this.wantsShot || hands.held) || nowMs < this.nextShotMs) return;
    this.wantsShot = false;
    // Counted from when the shot was due, so that holding the trigger fires at the room's rate at any frame rate.
    const intervalMs = fireIntervalSec * 1000;
    this.nextShotMs = Math.max(this.nextShotMs + intervalMs, nowMs + intervalMs - 17);
    me.flashAtMs = nowMs;
    this.tracers.fire(me.id, me.hue, me.x, me.y, me.heading, this.presentTick);
  }

  private readBullets(tick: number, nowMs: number): void {
    const { state } = this.room;
    if (this.bulletsGone.length > 0) {
      const targets = this.newestTargets();
      for (const id of this.bulletsGone) this.tracers.vanish(id, this.snapshotTick, tick, targets);
      this.bulletsGone.length = 0;
    }
    for (const row of state.bullets) {
      if (row.shooter === this.me?.id || this.tracers.has(row.id)) continue;
      const owner = state.players.get(row.shooter);
      const figure = this.actors.get(row.shooter)?.figure;
      if (figure !== undefined) figure.flashAtMs = nowMs;
      const { x, y } = owner ?? row;
      this.tracers.appear(row.id, row.shooter, figure?.hue ?? 0, row.x, row.y, row.heading, tick, x, y);
    }
  }

  /** Everybody as of the newest snapshot, also those whom the bullet killed. */
  private newestTargets(): Target[] {
    return Array.from(this.room.state.players, ({ id, x, y }) => ({ id, x, y, radius: playerRadius }));
  }
}
