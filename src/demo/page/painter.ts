import { playerRadius } from '../arena-rules.js';
import type { Camera } from './camera.js';
import { drawFigure, drawLabel, type Figure } from './figure.js';
import { drawGround } from './ground.js';
import type { Sheet } from './sheet.js';
import type { Sparks } from './sparks.js';
import type { Tracer, Tracers } from './tracers.js';

const tracerLength = 46;
const markerMs = 160;

/** Everything that one frame shows. */
export interface Scene {
  figures: readonly Figure[];
  tracers: Tracers;
  /** The tick to draw a tracer at: own shots live in the present, all others a little in the past. */
  tickOf(tracer: Tracer): number;
  sparks: Sparks;
  /** Local time of the last hit of the own player on another, ms. */
  markedAtMs: number;
  pointerX: number;
  pointerY: number;
  /** Whether there is a player to aim for. */
  aims: boolean;
}

/** Draws frames of the arena. */
export class Painter {
  private readonly ink: CanvasRenderingContext2D;

  constructor(private readonly sheet: Sheet, private readonly camera: Camera) {
    this.ink = sheet.ink;
  }

  draw(scene: Scene, nowMs: number): void {
    const { ink, camera, sheet } = this;
    sheet.clear();
    sheet.toWorld();
    drawGround(ink);
    this.drawTracers(scene);
    for (const figure of scene.figures) if (!figure.dead) drawFigure(ink, figure, nowMs);
    scene.sparks.draw(ink, nowMs);
    sheet.toScreen();
    for (const figure of scene.figures) {
      if (!figure.dead) drawLabel(ink, figure, camera.screenX(figure.x), camera.screenY(figure.y), camera.scale);
    }
    if (scene.aims) this.drawCrosshair(scene, nowMs);
  }

  private drawTracers(scene: Scene): void {
    const { ink } = this;
    const { tracers } = scene;
    ink.lineCap = 'round';
    for (const tracer of tracers.list) {
      const tick = scene.tickOf(tracer);
      if (tick < tracer.fromTick) continue;
      const headX = tracers.xAt(tracer, tick);
      const headY = tracers.yAt(tracer, tick);
      const flown = (headX - tracer.fromX) * tracer.cos + (headY - tracer.fromY) * tracer.sin;
      const muzzle = playerRadius + 8;
      if (flown < muzzle) continue;
      const length = Math.min(tracerLength, flown - muzzle);
      const tailX = headX - tracer.cos * length;
      const tailY = headY - tracer.sin * length;
      stroke(ink, tailX, tailY, headX, headY, 9, `hsla(${tracer.hue}, 100%, 60%, 0.22)`);
      stroke(ink, tailX, tailY, headX, headY, 4, `hsl(${tracer.hue}, 100%, 72%)`);
      stroke(ink, headX - tracer.cos * 8, headY - tracer.sin * 8, headX, headY, 3, '#ffffff');
    }
  }

  private drawCrosshair(scene: Scene, nowMs: number): void {
    const { ink } = this;
    const { pointerX: x, pointerY: y } = scene;
    const isMarked = nowMs - scene.markedAtMs < markerMs;
    const color = isMarked ? '#ff5d5d' : '#e8f1ff';
    for (const [width, style] of [[4, '#05080db3'], [2, color]] as const) {
      ink.lineWidth = width;
      ink.strokeStyle = style;
      ink.beginPath();
      ink.arc(x, y, isMarked ? 12 : 9, 0, 2 * Math.PI);
      ink.moveTo(x - 16, y);
      ink.lineTo(x - 5, y);
      ink.moveTo(x + 5, y);
      ink.lineTo(x + 16, y);
      ink.moveTo(x, y - 16);
      ink.lineTo(x, y - 5);
      ink.moveTo(x, y + 5);
      ink.lineTo(x, y + 16);
      ink.stroke();
    }
  }
}

function stroke(
  ink: CanvasRenderingContext2D, fromX: number, fromY: number, toX: number, toY: number, width: number, style: string,
): void {
  ink.lineWidth = width;
  ink.strokeStyle = style;
  ink.beginPath();
  ink.moveTo(fromX, fromY);
  ink.lineTo(toX, toY);
  ink.stroke();
}
