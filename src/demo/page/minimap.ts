import { blocks, pillars } from '../arena-map.js';
import { worldSize } from '../arena-rules.js';
import type { Figure } from './figure.js';

/** Free edge round the world, world units: dots at the border stay whole. */
const padding = 90;

/** The small map in a corner of the page: obstacles and living players. */
export class Minimap {
  private readonly ink: CanvasRenderingContext2D | null;

  constructor(private readonly canvas: HTMLCanvasElement) {
    this.ink = canvas.getContext('2d');
  }

  draw(figures: readonly Figure[]): void {
    const { ink } = this;
    if (ink === null) return;
    const scale = this.canvas.width / (worldSize + 2 * padding);
    ink.setTransform(scale, 0, 0, scale, padding * scale, padding * scale);
    ink.clearRect(-padding, -padding, worldSize + 2 * padding, worldSize + 2 * padding);
    ink.lineWidth = 14;
    ink.strokeStyle = '#2b3850';
    ink.strokeRect(0, 0, worldSize, worldSize);
    ink.fillStyle = '#3a4b6c';
    for (const { x, y, width, height } of blocks) ink.fillRect(x, y, width, height);
    for (const { x, y, radius } of pillars) dot(ink, x, y, radius);
    for (const figure of figures) {
      if (figure.dead || figure.isMe) continue;
      ink.fillStyle = `hsl(${figure.hue}, 85%, 62%)`;
      dot(ink, figure.x, figure.y, 36);
    }
    for (const figure of figures) {
      if (figure.dead || !figure.isMe) continue;
      ink.fillStyle = '#0b0f17';
      dot(ink, figure.x, figure.y, 66);
      ink.fillStyle = '#ffffff';
      dot(ink, figure.x, figure.y, 48);
    }
  }
}

function dot(ink: CanvasRenderingContext2D, x: number, y: number, radius: number): void {
  ink.beginPath();
  ink.arc(x, y, radius, 0, 2 * Math.PI);
  ink.fill();
}
