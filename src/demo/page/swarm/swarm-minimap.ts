import { cellSize, farRadius, nearRadius, swarmSize } from '../../swarm-rules.js';
import type { Camera } from '../camera.js';
import { cellsAcross } from './cells-sent.js';
import { cellColors } from './swarm-painter.js';
import type { SwarmStage } from './swarm-stage.js';

/** Free edge round the world, world units: dots at the border stay whole. */
const padding = 120;

/** The whole world in a corner of the page: which of its cells are sent, who is where, and what the window shows. */
export class SwarmMinimap {
  private readonly ink: CanvasRenderingContext2D | null;

  constructor(private readonly canvas: HTMLCanvasElement, private readonly camera: Camera) {
    this.ink = canvas.getContext('2d');
  }

  draw({ cells, figures, me }: SwarmStage): void {
    const { ink, camera } = this;
    if (ink === null) return;
    const scale = this.canvas.width / (swarmSize + 2 * padding);
    ink.setTransform(scale, 0, 0, scale, padding * scale, padding * scale);
    ink.clearRect(-padding, -padding, swarmSize + 2 * padding, swarmSize + 2 * padding);
    // What shows between the cells are the grid's lines.
    ink.fillStyle = '#22314a';
    ink.fillRect(0, 0, swarmSize, swarmSize);
    for (let row = 0; row < cellsAcross; row += 1) {
      for (let column = 0; column < cellsAcross; column += 1) {
        ink.fillStyle = cellColors[cells.cell(column, row)];
        ink.fillRect(column * cellSize + 6, row * cellSize + 6, cellSize - 12, cellSize - 12);
      }
    }
    ink.lineWidth = 20;
    ink.strokeStyle = '#3a4b6c';
    ink.strokeRect(0, 0, swarmSize, swarmSize);
    for (const figure of figures) {
      if (!figure.isMe) this.dot(ink, figure.x, figure.y, 60, `hsl(${figure.hue}, 85%, 62%)`);
    }
    if (me === undefined) return;
    for (const [radius, color] of [[nearRadius, '#5db8ff'], [farRadius, '#5db8ff90']] as const) {
      ink.strokeStyle = color;
      ink.beginPath();
      ink.arc(me.x, me.y, radius, 0, 2 * Math.PI);
      ink.stroke();
    }
    ink.strokeStyle = '#a9b6cc80';
    const [width, height] = [camera.width / camera.scale, camera.height / camera.scale];
    ink.strokeRect(camera.x - width / 2, camera.y - height / 2, width, height);
    this.dot(ink, me.x, me.y, 100, '#0b0f17');
    this.dot(ink, me.x, me.y, 70, '#ffffff');
  }

  private dot(ink: CanvasRenderingContext2D, x: number, y: number, radius: number, color: string): void {
    ink.fillStyle = color;
    ink.beginPath();
    ink.arc(x, y, radius, 0, 2 * Math.PI);
    ink.fill();
  }
}
