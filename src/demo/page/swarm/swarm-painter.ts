import { bodyRadius, cellSize, farRadius, kinds, nearRadius, swarmSize } from '../../swarm-rules.js';
import type { Camera } from '../camera.js';
import { drawBorder } from '../ground.js';
import type { Sheet } from '../sheet.js';
import { cellsAcross, Sent } from './cells-sent.js';
import type { Figure, SwarmStage } from './swarm-stage.js';

/** Cells by how they are sent, on this page's map too. */
export const cellColors: Readonly<Record<Sent, string>> = {
  [Sent.Not]: '#0b101a',
  [Sent.Near]: '#193650',
  [Sent.Far]: '#122134',
};
const growMs = 250;

/** Draws frames of the swarm. */
export class SwarmPainter {
  /** What the latest frame shows, for tests. */
  readonly drawn = { cells: 0, lines: 0, creatures: 0 };
  private readonly ink: CanvasRenderingContext2D;

  constructor(private readonly sheet: Sheet, private readonly camera: Camera) {
    this.ink = sheet.ink;
  }

  /** @param stage undefined before the first room: then there is only the floor. */
  draw(stage: SwarmStage | undefined, nowMs: number): void {
    const { ink, sheet } = this;
    this.drawn.cells = this.drawn.lines = this.drawn.creatures = 0;
    sheet.clear();
    sheet.toWorld();
    ink.fillStyle = cellColors[Sent.Not];
    ink.fillRect(0, 0, swarmSize, swarmSize);
    if (stage !== undefined) this.drawCells(stage);
    this.drawLines();
    drawBorder(ink, swarmSize);
    if (stage === undefined) return;
    if (stage.me !== undefined) this.drawRadii(stage.me);
    kinds.forEach((_, kind) => {
      this.drawKind(stage, kind, Sent.Far, nowMs);
      this.drawKind(stage, kind, Sent.Near, nowMs);
    });
    stage.sparks.draw(ink, nowMs);
    for (const figure of stage.figures) drawBody(ink, figure, nowMs);
    sheet.toScreen();
    for (const figure of stage.figures) this.drawName(figure);
  }

  private drawCells({ cells }: SwarmStage): void {
    const { ink } = this;
    for (let row = 0; row < cellsAcross; row += 1) {
      for (let column = 0; column < cellsAcross; column += 1) {
        const sent = cells.cell(column, row);
        if (sent === Sent.Not || !this.isInView((column + 0.5) * cellSize, (row + 0.5) * cellSize, cellSize)) continue;
        ink.fillStyle = cellColors[sent];
        ink.fillRect(column * cellSize, row * cellSize, cellSize, cellSize);
        this.drawn.cells += 1;
      }
    }
  }

  private drawLines(): void {
    const { ink, camera } = this;
    ink.lineWidth = 1 / camera.scale;
    ink.strokeStyle = '#31496b';
    ink.beginPath();
    for (let at = cellSize; at < swarmSize; at += cellSize) {
      ink.moveTo(at, 0);
      ink.lineTo(at, swarmSize);
      ink.moveTo(0, at);
      ink.lineTo(swarmSize, at);
      this.drawn.lines += 2;
    }
    ink.stroke();
  }

  /** The distances that decide about cells, round the own body. */
  private drawRadii(me: Figure): void {
    const { ink, camera } = this;
    ink.lineWidth = 1.5 / camera.scale;
    ink.setLineDash([8 / camera.scale, 8 / camera.scale]);
    for (const [radius, color] of [[nearRadius, '#5db8ffb0'], [farRadius, '#5db8ff60']] as const) {
      ink.strokeStyle = color;
      ink.beginPath();
      ink.arc(me.x, me.y, radius, 0, 2 * Math.PI);
      ink.stroke();
    }
    ink.setLineDash([]);
  }

  /** All creatures of one kind that are sent in one way, as one path: a path each would cost ten times as much. */
  private drawKind(stage: SwarmStage, kind: number, sent: Sent, nowMs: number): void {
    const { ink } = this;
    const { creatures, kindOf, bornMs, cells } = stage;
    const { hue, radius } = kinds[kind]!;
    ink.fillStyle = sent === Sent.Near ? `hsl(${hue}, 85%, 62%)` : `hsl(${hue}, 42%, 46%)`;
    ink.beginPath();
    for (let i = 0; i < creatures.held.length; i += 1) {
      if (creatures.held[i] === 0 || kindOf[i] !== kind) continue;
      const x = creatures.x[i]!;
      const y = creatures.y[i]!;
      const isNear = cells.at(x, y) === Sent.Near;
      if (isNear !== (sent === Sent.Near) || !this.isInView(x, y, radius)) continue;
      const size = radius * Math.min((nowMs - bornMs[i]!) / growMs, 1);
      const forthX = creatures.facingX[i]! * size;
      const forthY = creatures.facingY[i]! * size;
      ink.moveTo(x + 1.4 * forthX, y + 1.4 * forthY);
      ink.lineTo(x - forthX - 0.8 * forthY, y - forthY + 0.8 * forthX);
      ink.lineTo(x - 0.5 * forthX, y - 0.5 * forthY);
      ink.lineTo(x - forthX + 0.8 * forthY, y - forthY - 0.8 * forthX);
      this.drawn.creatures += 1;
    }
    ink.fill();
  }

  private drawName(figure: Figure): void {
    const { ink, camera } = this;
    const x = camera.screenX(figure.x);
    const y = camera.screenY(figure.y) - bodyRadius(figure.score) * camera.scale - 9;
    ink.font = figure.isMe ? '700 13px system-ui, sans-serif' : '600 13px system-ui, sans-serif';
    ink.textAlign = 'center';
    ink.textBaseline = 'alphabetic';
    ink.lineWidth = 3.5;
    ink.lineJoin = 'round';
    ink.strokeStyle = '#05080dd9';
    ink.strokeText(figure.name, x, y);
    ink.fillStyle = figure.isMe ? '#ffffff' : '#ffe9a8';
    ink.fillText(figure.name, x, y);
  }

  private isInView(x: number, y: number, margin: number): boolean {
    const { camera } = this;
    const halfWidth = camera.width / 2 / camera.scale + margin;
    const halfHeight = camera.height / 2 / camera.scale + margin;
    return Math.abs(x - camera.x) < halfWidth && Math.abs(y - camera.y) < halfHeight;
  }
}

/** A body is a disc with a mouth's worth of reach round it; while stunned it flickers. */
function drawBody(ink: CanvasRenderingContext2D, figure: Figure, nowMs: number): void {
  const { x, y, hue, isMe } = figure;
  const radius = bodyRadius(figure.score);
  const isPale = figure.stunned && Math.floor(nowMs / 80) % 2 === 0;
  disc(ink, x + 3, y + 6, radius, '#05080d99');
  disc(ink, x, y, radius, isPale ? '#ffffff' : `hsl(${hue}, 78%, 52%)`);
  ink.lineWidth = 4;
  ink.strokeStyle = isMe ? '#ffffff' : `hsl(${hue}, 75%, 78%)`;
  ink.stroke();
  disc(ink, x, y, radius * 0.4, `hsl(${hue}, 70%, 32%)`);
}

function disc(ink: CanvasRenderingContext2D, x: number, y: number, radius: number, color: string): void {
  ink.fillStyle = color;
  ink.beginPath();
  ink.arc(x, y, radius, 0, 2 * Math.PI);
  ink.fill();
}
