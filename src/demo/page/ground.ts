import { blocks, pillars } from '../arena-map.js';
import { worldSize } from '../arena-rules.js';

const gridStep = 100;
const bevel = 7;

/** Draws the floor and what stands on it. The canvas is in world units. */
export function drawGround(ink: CanvasRenderingContext2D): void {
  ink.fillStyle = '#101725';
  ink.fillRect(0, 0, worldSize, worldSize);
  ink.lineWidth = 1.5;
  ink.strokeStyle = '#1c273b';
  ink.beginPath();
  for (let at = gridStep; at < worldSize; at += gridStep) {
    ink.moveTo(at, 0);
    ink.lineTo(at, worldSize);
    ink.moveTo(0, at);
    ink.lineTo(worldSize, at);
  }
  ink.stroke();
  drawBorder(ink, worldSize);
  ink.lineWidth = 3;
  for (const { x, y, width, height } of blocks) {
    ink.fillStyle = '#070a11';
    ink.fillRect(x + 5, y + 9, width, height);
    ink.fillStyle = '#222d42';
    ink.strokeStyle = '#4a5f86';
    ink.beginPath();
    ink.roundRect(x, y, width, height, 6);
    ink.fill();
    ink.stroke();
    ink.fillStyle = '#2a3750';
    ink.beginPath();
    ink.roundRect(x + bevel, y + bevel, width - 2 * bevel, height - 2 * bevel, 4);
    ink.fill();
  }
  for (const { x, y, radius } of pillars) {
    disc(ink, x + 5, y + 9, radius, '#070a11');
    disc(ink, x, y, radius, '#222d42');
    ink.strokeStyle = '#4a5f86';
    ink.stroke();
    disc(ink, x, y, radius - bevel, '#2a3750');
  }
}

/** Wide faint lines under a sharp one: a glow without the cost of a blurred shadow. */
export function drawBorder(ink: CanvasRenderingContext2D, size: number): void {
  for (const [width, color] of [[26, '#3fa9ff14'], [12, '#3fa9ff24'], [4, '#5db8ff']] as const) {
    ink.lineWidth = width;
    ink.strokeStyle = color;
    ink.strokeRect(0, 0, size, size);
  }
}

function disc(ink: CanvasRenderingContext2D, x: number, y: number, radius: number, color: string): void {
  ink.fillStyle = color;
  ink.beginPath();
  ink.arc(x, y, radius, 0, 2 * Math.PI);
  ink.fill();
}
