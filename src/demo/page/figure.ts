import { healthMax, playerRadius } from '../arena-rules.js';

/** A player as it is drawn. */
export interface Figure {
  id: number;
  name: string;
  x: number;
  y: number;
  heading: number;
  health: number;
  score: number;
  dead: boolean;
  bot: boolean;
  isMe: boolean;
  /** Degrees. */
  hue: number;
  /** Local times, ms. */
  flashAtMs: number;
  hurtAtMs: number;
}

const barWidth = 46;
const barHeight = 5;
const flashMs = 70;
const hurtMs = 130;

/** Draws the body, barrel and muzzle flash. The canvas is in world units. */
export function drawFigure(ink: CanvasRenderingContext2D, figure: Figure, nowMs: number): void {
  const { x, y, hue } = figure;
  const isHurt = nowMs - figure.hurtAtMs < hurtMs;
  ink.save();
  ink.translate(x, y);
  ink.fillStyle = '#05080d99';
  ink.beginPath();
  ink.arc(3, 6, playerRadius, 0, 2 * Math.PI);
  ink.fill();
  ink.rotate(figure.heading);
  if (nowMs - figure.flashAtMs < flashMs) drawFlash(ink);
  ink.lineWidth = 3;
  ink.strokeStyle = figure.isMe ? '#ffffff' : `hsl(${hue}, 75%, 78%)`;
  ink.fillStyle = '#c9d4e8';
  ink.beginPath();
  ink.roundRect(6, -5.5, playerRadius + 6, 11, 3);
  ink.fill();
  ink.fillStyle = isHurt ? '#ffffff' : `hsl(${hue}, 78%, 52%)`;
  ink.beginPath();
  ink.arc(0, 0, playerRadius - 1.5, 0, 2 * Math.PI);
  ink.fill();
  ink.stroke();
  ink.fillStyle = `hsl(${hue}, 70%, 32%)`;
  ink.beginPath();
  ink.arc(0, 0, 7, 0, 2 * Math.PI);
  ink.fill();
  ink.restore();
}

function drawFlash(ink: CanvasRenderingContext2D): void {
  ink.fillStyle = '#fff3b0';
  ink.beginPath();
  ink.moveTo(playerRadius + 8, -9);
  ink.lineTo(playerRadius + 30, 0);
  ink.lineTo(playerRadius + 8, 9);
  ink.fill();
}

/** Draws name and health over a figure. The canvas is in CSS pixels, so that letters stay sharp and readable. */
export function drawLabel(ink: CanvasRenderingContext2D, figure: Figure, x: number, y: number, scale: number): void {
  const top = y - (playerRadius + 12) * scale;
  ink.fillStyle = '#05080dcc';
  ink.fillRect(x - barWidth / 2 - 1, top - barHeight - 1, barWidth + 2, barHeight + 2);
  ink.fillStyle = healthColor(figure.health);
  ink.fillRect(x - barWidth / 2, top - barHeight, (barWidth * figure.health) / healthMax, barHeight);
  ink.font = figure.isMe ? '700 13px system-ui, sans-serif' : '600 13px system-ui, sans-serif';
  ink.textAlign = 'center';
  ink.textBaseline = 'alphabetic';
  ink.lineWidth = 3.5;
  ink.lineJoin = 'round';
  ink.strokeStyle = '#05080dd9';
  ink.strokeText(figure.name, x, top - barHeight - 6);
  ink.fillStyle = figure.isMe ? '#ffffff' : figure.bot ? '#a9b6cc' : '#ffe9a8';
  ink.fillText(figure.name, x, top - barHeight - 6);
}

export function healthColor(health: number): string {
  return health > 60 ? '#4ade80' : health > 30 ? '#fbbf24' : '#f87171';
}
