import type { ScoreLine } from '../../rooms/swarm.js';
import { creatureCount, steerFull, steerRateHz } from '../../swarm-rules.js';
import type { Camera } from '../camera.js';
import type { Controls } from '../controls.js';
import { element } from '../element.js';
import { RateMeter, roomFigures, type Overlay } from '../overlay.js';
import { RoomMeter } from '../room-meter.js';
import { Scoreboard } from '../scoreboard.js';
import { SwarmMinimap } from './swarm-minimap.js';
import type { SwarmPainter } from './swarm-painter.js';
import type { SwarmRoom } from './swarm-room.js';
import { SwarmStage } from './swarm-stage.js';

const panelPeriodMs = 250;
/** Changes of the keys are sent at once, but never closer together than this: the room takes two inputs a tick, of 50 ms. */
const inputGapMs = 30;
/** The mouse this far from the own body, in CSS pixels, means full speed. */
const mouseFullPx = 90;

/** What the overlay shows of the swarm; rates are per second. */
export const swarmFigures = {
  ...roomFigures,
  rowsHeld: { label: 'rows held' },
  addsPerSec: { label: 'rows added/s' },
  removesPerSec: { label: 'rows removed/s' },
  nearCells: { label: 'near cells' },
  farCells: { label: 'far cells' },
};
export type SwarmOverlay = Overlay<keyof typeof swarmFigures>;

/** One stay in a room: from the join to the end of the session. */
export class SwarmGame {
  readonly stage: SwarmStage;
  private readonly scoreboard = new Scoreboard(element('score-rows'));
  private readonly minimap: SwarmMinimap;
  private readonly meter: RoomMeter;
  private readonly adds = new RateMeter();
  private readonly removes = new RateMeter();
  private readonly inputTimer: ReturnType<typeof setInterval>;
  private isOver = false;
  private frameCount = 0;
  private panelsAtMs = -Infinity;
  private sentAtMs = -Infinity;
  private stickX = 0;
  private stickY = 0;

  constructor(
    readonly room: SwarmRoom,
    private readonly camera: Camera,
    private readonly painter: SwarmPainter,
    private readonly controls: Controls,
    private readonly overlay: SwarmOverlay,
    private readonly nowMs: () => number,
    random: () => number,
  ) {
    this.stage = new SwarmStage(room, nowMs, random);
    this.minimap = new SwarmMinimap(element<HTMLCanvasElement>('minimap'), camera);
    this.meter = new RoomMeter(room);
    room.onMessage('scores', (lines: ScoreLine[]) => this.showScores(lines));
    room.onStateChange((_, tick) => this.stage.takeSnapshot(tick));
    this.inputTimer = setInterval(() => this.sendInput(), 1000 / steerRateHz);
  }

  /** Whether the own body is there and can be steered. */
  get isReady(): boolean {
    return !this.isOver && this.stage.me !== undefined;
  }

  /** The keys or the mouse's button changed. */
  handsChanged(): void {
    if (this.nowMs() - this.sentAtMs >= inputGapMs) this.sendInput();
  }

  frame(nowMs: number): void {
    const { stage, camera } = this;
    this.frameCount += 1;
    if (this.isReady) this.readHands();
    stage.advance(this.stickX, this.stickY, nowMs);
    if (stage.me !== undefined) camera.lookAt(stage.me.x, stage.me.y);
    this.painter.draw(stage, nowMs);
    if (nowMs - this.panelsAtMs >= panelPeriodMs) this.updatePanels(nowMs);
  }

  /** The session is over: nothing more is sent. */
  end(): void {
    this.isOver = true;
    this.stickX = this.stickY = 0;
    clearInterval(this.inputTimer);
  }

  private sendInput(): void {
    if (!this.isReady || !this.room.isConnected) return;
    this.readHands();
    this.sentAtMs = this.nowMs();
    const seq = this.room.input({ dx: this.stickX, dy: this.stickY });
    if (seq > 0) this.stage.ship.sent(seq, this.sentAtMs);
  }

  /** Keys steer; where none is held, the mouse with its button down pulls the body along. */
  private readHands(): void {
    const { controls, camera, stage } = this;
    this.stickX = this.stickY = 0;
    if (!this.room.isConnected) return; // what the room can't hear of isn't shown as done
    this.stickX = controls.dx;
    this.stickY = controls.dy;
    if (controls.dx !== 0 || controls.dy !== 0 || !controls.firing || stage.me === undefined) return;
    const dx = controls.pointerX - camera.screenX(stage.me.x);
    const dy = controls.pointerY - camera.screenY(stage.me.y);
    const scale = steerFull / Math.max(mouseFullPx, Math.hypot(dx, dy));
    this.stickX = Math.round(dx * scale);
    this.stickY = Math.round(dy * scale);
  }

  /** The best come by message, as most of them are too far away to be sent; the own body is there in any case. */
  private showScores(lines: readonly ScoreLine[]): void {
    const { me } = this.stage;
    const best = lines.map(({ bodyId: id, name, score, hue }) => {
      return { id, name, score, hue: (hue * 360) / 256, isMe: id === me?.id, bot: false, dead: false };
    });
    if (me !== undefined && !best.some(({ isMe }) => isMe)) best.push({ ...me });
    this.scoreboard.update(best);
  }

  private updatePanels(nowMs: number): void {
    const { room, stage } = this;
    const { cells, me } = stage;
    this.panelsAtMs = nowMs;
    this.minimap.draw(stage);
    const held = room.state.creatures.size;
    element('held').textContent = held.toLocaleString('en');
    element('held-bar').style.transform = `scaleX(${held / creatureCount})`;
    if (me !== undefined) {
      element('score').textContent = me.score.toLocaleString('en');
      element('stung').hidden = !me.stunned;
    }
    this.overlay.update({
      ...this.meter.read(this.frameCount, nowMs),
      rowsHeld: held + room.state.bodies.size,
      addsPerSec: this.adds.read(stage.addedCount, nowMs),
      removesPerSec: this.removes.read(stage.removedCount, nowMs),
      nearCells: cells.nearCount,
      farCells: cells.farCount,
    });
  }
}
