import type { Camera } from './camera.js';
import type { Figure } from './figure.js';
import type { Game } from './game.js';

/** A player as tests see them: where the newest snapshot has them, in world units. */
export interface TestPlayer {
  id: number;
  name: string;
  x: number;
  y: number;
  heading: number;
  health: number;
  score: number;
  dead: boolean;
  bot: boolean;
  /** Where the page draws them now: others a little in the past, the own player ahead of the room. */
  drawnX: number;
  drawnY: number;
}

/**
 * The page's test window, `window.__arena`: what a browser test may look at. It only reads; a test plays with real keys
 * and a real mouse, and finds with `toScreen` where to move it.
 */
export interface ArenaTestWindow {
  /** Joined, and the own player is there. */
  readonly ready: boolean;
  /** Empty while not joined. */
  readonly sessionId: string;
  readonly roomId: string;
  /** Tick of the newest snapshot. */
  readonly tick: number;
  readonly overlayVisible: boolean;
  me(): TestPlayer | null;
  players(): TestPlayer[];
  bullets(): { id: number; x: number; y: number; heading: number; shooter: number }[];
  /** A place in the world as CSS pixels in the window. */
  toScreen(x: number, y: number): { x: number; y: number };
}

declare global {
  interface Window {
    __arena: ArenaTestWindow;
  }
}

/** @param game the current one, or undefined between two. */
export function openTestWindow(game: () => Game | undefined, camera: Camera, isOverlayVisible: () => boolean): void {
  window.__arena = Object.freeze({
    get ready() {
      return game()?.isReady ?? false;
    },
    get sessionId() {
      return game()?.room.sessionId ?? '';
    },
    get roomId() {
      return game()?.room.id ?? '';
    },
    get tick() {
      return game()?.room.tick ?? 0;
    },
    get overlayVisible() {
      return isOverlayVisible();
    },
    me() {
      const figure = game()?.stage.me;
      return figure === undefined ? null : playerOf(game()!, figure);
    },
    players() {
      const current = game();
      return current === undefined ? [] : current.stage.figures.map((figure) => playerOf(current, figure));
    },
    bullets() {
      const current = game();
      if (current === undefined) return [];
      const { bullets } = current.room.state;
      return Array.from(bullets, ({ id, x, y, heading, shooter }) => ({ id, x, y, heading, shooter }));
    },
    toScreen(x: number, y: number) {
      return { x: camera.screenX(x), y: camera.screenY(y) };
    },
  });
}

function playerOf(game: Game, figure: Figure): TestPlayer {
  const { id, name, x: drawnX, y: drawnY } = figure;
  const row = game.room.state.players.get(id) ?? figure;
  const { x, y, heading, health, score, dead, bot } = row;
  return { id, name, x, y, heading, health, score, dead, bot, drawnX, drawnY };
}
