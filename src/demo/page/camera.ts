const zoomMin = 0.5;
const zoomMax = 3;

/** Which part of the world the canvas shows. Lengths of the canvas are CSS pixels. */
export class Camera {
  x: number;
  y: number;
  /** CSS pixels per world unit. */
  scale = 1;
  width = 1;
  height = 1;
  private zoom = 1;

  /**
   * @param worldSize side of the world; the view starts at its middle.
   * @param shownArea world units squared that a window shows: every window shape sees about as much of the world.
   */
  constructor(
    worldSize: number,
    private readonly shownArea: number,
  ) {
    this.x = this.y = worldSize / 2;
  }

  resize(width: number, height: number): void {
    this.width = Math.max(1, width);
    this.height = Math.max(1, height);
    this.rescale();
  }

  /** Comes nearer (`factor` above 1) or goes away, within bounds. */
  zoomBy(factor: number): void {
    this.zoom = Math.min(Math.max(this.zoom * factor, zoomMin), zoomMax);
    this.rescale();
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

  private rescale(): void {
    this.scale = this.zoom * Math.sqrt((this.width * this.height) / this.shownArea);
  }
}
