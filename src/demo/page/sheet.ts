import type { Camera } from './camera.js';

/** The page's canvas, fitted to the window. Draw in world units after `toWorld()`, in CSS pixels after `toScreen()`. */
export class Sheet {
  readonly ink: CanvasRenderingContext2D;
  private ratio = 1;

  constructor(private readonly canvas: HTMLCanvasElement, private readonly camera: Camera) {
    const ink = canvas.getContext('2d', { alpha: false });
    if (ink === null) throw new Error('This browser gave no 2D canvas; the world cannot be drawn without one.');
    this.ink = ink;
  }

  /** Fits the canvas to the window, in device pixels. */
  resize(): void {
    // Beyond 2 device pixels per CSS pixel the cost doubles again and nobody sees the difference.
    this.ratio = Math.min(devicePixelRatio || 1, 2);
    this.canvas.width = Math.round(innerWidth * this.ratio);
    this.canvas.height = Math.round(innerHeight * this.ratio);
    this.camera.resize(innerWidth, innerHeight);
  }

  clear(): void {
    this.ink.setTransform(1, 0, 0, 1, 0, 0);
    this.ink.fillStyle = '#06080d';
    this.ink.fillRect(0, 0, this.canvas.width, this.canvas.height);
  }

  toWorld(): void {
    const { camera, ratio } = this;
    const zoom = camera.scale * ratio;
    this.ink.setTransform(zoom, 0, 0, zoom, camera.screenX(0) * ratio, camera.screenY(0) * ratio);
  }

  toScreen(): void {
    this.ink.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
  }
}
