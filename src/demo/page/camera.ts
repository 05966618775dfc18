import { worldSize } from '../arena-rules.js';

/** World units that a window shows, as an area: every window shape sees about as much of the arena. */
const shownWidth = 1360;
const shownHeight = 800;
/** How far past the world's edge the view may go, world units. */
const margin = 120;

/** Which part of the world the canvas shows. Lengths of the canvas are CSS pixels. */
export class Camera {
  x = worldSize / 2;
  y = worldSize / 2;
  /** CSS pixels per world unit. */
  scale = 1;
  width = 1;
  height = 1;

  resize(width: number, height: number): void {
    this.width = Math.max(1, width);
    this.height = Math.max(1, height);
    this.scale = Math.sqrt((this.width * this.height) / (shownWidth * shownHeight));
  }

  /** Looks at a place, without showing more of the void than the margin. */
  lookAt(x: number, y: number): void {
    this.x = keepWithin(x, this.width / 2 / this.scale);
    this.y = keepWithin(y, this.height / 2 / this.scale);
  }

  screenX(worldX: number): number {
    return (worldX - this.x) * this.scale + this.width / 2;
  }

  screenY(worldY: number): number {
    return (worldY - this.y) * this.scale + this.height / 2;
  }

  worldX(screenX: number): number {
    return (screenX - this.width / 2) / this.scale + this.x;
  }

  worldY(screenY: number): number {
    return (screenY - this.height / 2) / this.scale + this.y;
  }
}

function keepWithin(center: number, half: number): number {
  const least = half - margin;
  const most = worldSize + margin - half;
  return least > most ? worldSize / 2 : Math.min(Math.max(center, least), most);
}
