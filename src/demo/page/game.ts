import { inputRateHz, respawnSec } from '../arena-rules.js';
import type { ChatLine, Hit, Kill } from '../rooms/arena.js';
import type { ArenaRoom } from './arena-room.js';
import type { Camera } from './camera.js';
import type { Controls } from './controls.js';
import { element } from './element.js';
import { Feed } from './feed.js';
import { Minimap } from './minimap.js';
import { roomFigures, type Overlay } from './overlay.js';
import type { Painter } from './painter.js';
import { RoomMeter } from './room-meter.js';
import { Scoreboard } from './scoreboard.js';
import { Stage } from './stage.js';
import { Vitals } from './vitals.js';

const panelPeriodMs = 250;
/** Changes of the keys are sent at once, but never closer together than this: half the room's limit of inputs. */
const inputGapMs = 16;

const resting = { dx: 0, dy: 0, firing: false };

/** What the overlay shows of the arena. */
export const arenaFigures = { ...roomFigures, entities: { label: 'entities' } };
export type ArenaOverlay = Overlay<keyof typeof arenaFigures>;

/** One stay in a room: from the join to the end of the session. */
export class Game {
  readonly stage: Stage;
  private readonly scoreboard = new Scoreboard(element('score-rows'));
  private readonly vitals = new Vitals();
  private readonly kills = new Feed(element('kills'), 6000);
  private readonly chatLines = new Feed(element('chat-lines'), 12_000);
  private readonly minimap = new Minimap(element<HTMLCanvasElement>('minimap'));
  private readonly meter: RoomMeter;
  private readonly inputTimer: ReturnType<typeof setInterval>;
  private isOver = false;
  private frameCount = 0;
  private panelsAtMs = -Infinity;
  private sentAtMs = -Infinity;
  private pullsSent: number;
  private pullsShown: number;
  private markedAtMs = -Infinity;
  private killer = '';

  constructor(
    readonly room: ArenaRoom,
    private readonly camera: Camera,
    private readonly painter: Painter,
    private readonly controls: Controls,
    private readonly overlay: ArenaOverlay,
    private readonly nowMs: () => number,
    random: () => number,
  ) {
    this.stage = new Stage(room, random);
    this.meter = new RoomMeter(room);
    this.pullsSent = this.pullsShown = controls.pulls;
    this.kills.clear();
    this.chatLines.clear();
    room.onStateChange((_, tick) => this.stage.takeSnapshot(tick, this.nowMs()));
    room.onMessage('kill', (kill: Kill) => this.showKill(kill));
    room.onMessage('hit', (_: Hit) => {
      this.markedAtMs = this.nowMs();
    });
    room.onMessage('chat', ({ name, text }: ChatLine) => this.chatLines.add([{ name, isMe: false }, `  ${text}`]));
    // A timer and not the frame loop: inputs go on at their rate where frames are rare or, in a hidden tab, stop.
    this.inputTimer = setInterval(() => this.sendInput(), 1000 / inputRateHz);
  }

  /** Whether the own player is there and can be played. */
  get isReady(): boolean {
    return !this.isOver && this.stage.me !== undefined;
  }

  say(line: string): void {
    this.room.send('chat', line);
  }

  /** The keys or the trigger changed. */
  handsChanged(): void {
    if (this.nowMs() - this.sentAtMs >= inputGapMs) this.sendInput();
  }

  frame(nowMs: number): void {
    const { stage, camera, controls } = this;
    this.frameCount += 1;
    // What the room can't hear of isn't shown as done.
    const { dx, dy, firing: held } = this.room.isConnected ? controls : resting;
    const pulled = controls.pulls !== this.pullsShown && this.room.isConnected;
    stage.advance({ dx, dy, aim: this.aim(), held, pulled }, nowMs);
    this.pullsShown = controls.pulls;
    const { me } = stage;
    if (me !== undefined) camera.lookAt(me.x, me.y);
    this.painter.draw(stage.scene(controls.pointerX, controls.pointerY, this.markedAtMs, this.isReady), nowMs);
    if (me !== undefined && !this.isOver) {
      const respawnInMs = me.dead ? Math.max(100, this.stage.diedAtMs + respawnSec * 1000 - nowMs) : 0;
      if (!me.dead) this.killer = '';
      this.vitals.update(me.health, me.score, this.killer, respawnInMs);
    }
    if (nowMs - this.panelsAtMs >= panelPeriodMs) this.updatePanels(nowMs);
  }

  /** The session is over: nothing more is sent. */
  end(): void {
    this.isOver = true;
    this.vitals.hideRespawn();
    clearInterval(this.inputTimer);
  }

  private sendInput(): void {
    if (!this.isReady || !this.room.isConnected) return;
    const { controls } = this;
    const fire = controls.firing || controls.pulls !== this.pullsSent;
    this.pullsSent = controls.pulls;
    this.sentAtMs = this.nowMs();
    const seq = this.room.input({ dx: controls.dx, dy: controls.dy, aim: this.aim(), fire });
    if (seq > 0) this.stage.ship.sent(seq, this.sentAtMs);
  }

  /** From the own player to the mouse, radians, in the steps that inputs carry: shots are drawn where they will go. */
  private aim(): number {
    const { me } = this.stage;
    if (me === undefined) return 0;
    const dx = this.camera.worldX(this.controls.pointerX) - me.x;
    const dy = this.camera.worldY(this.controls.pointerY) - me.y;
    const step = (2 * Math.PI) / 256;
    return Math.round(Math.atan2(dy, dx) / step) * step;
  }

  private updatePanels(nowMs: number): void {
    const { room, stage } = this;
    this.panelsAtMs = nowMs;
    this.scoreboard.update(stage.figures);
    this.minimap.draw(stage.figures);
    this.overlay.update({
      ...this.meter.read(this.frameCount, nowMs),
      entities: room.state.players.size + room.state.bullets.size,
    });
  }

  private showKill(kill: Kill): void {
    const myId = this.stage.me?.id;
    const isMyDeath = kill.victimId === myId;
    const isMyKill = kill.killerId === myId;
    if (isMyDeath) this.killer = kill.killer;
    const victim = { name: kill.victim, isMe: isMyDeath };
    if (kill.killer === '') this.kills.add([victim, ' went down'], isMyDeath);
    else this.kills.add([{ name: kill.killer, isMe: isMyKill }, '  ▸  ', victim], isMyDeath || isMyKill);
  }
}
