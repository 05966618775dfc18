import { worldSize } from '../arena-rules.js';

/** World units that a window shows, as an area: every window shape sees about as much of the arena. */
const shownWidth = 1360;
const shownHeight = 800;
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

  /**
   * Puts a place in the middle, also at the edge of the world: a view that stopped there would send the own player
   * under the panels in the corners.
   */
  lookAt(x: number, y: number): void {
    this.x = x;
    this.y = y;
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
