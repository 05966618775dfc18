import type { RoomStats } from '../../../client/index.js';
import { Sent } from './cells-sent.js';
import type { SwarmGame } from './swarm-game.js';
import type { SwarmPainter } from './swarm-painter.js';

/** What the page holds, has counted and draws. */
export interface SwarmCounts {
  /** Creatures held, and how many of them are in no cell that the page draws as sent. */
  held: number;
  strays: number;
  /** Creatures that came and went so far. */
  added: number;
  removed: number;
  nearCells: number;
  farCells: number;
  /** Of the latest frame. */
  drawn: { cells: number; lines: number; creatures: number };
  stats: RoomStats;
}

/** The page's test window, `window.__swarm`: what a browser test may look at. It only reads; a test plays with real keys. */
export interface SwarmTestWindow {
  /** Joined, and the own body is there. */
  readonly ready: boolean;
  readonly roomId: string;
  /** Tick of the newest snapshot. */
  readonly tick: number;
  readonly overlayVisible: boolean;
  /** The own body as the newest snapshot has it, and where it is drawn. */
  me(): { x: number; y: number; score: number; drawnX: number; drawnY: number } | null;
  counts(): SwarmCounts | null;
  creatures(): { id: number; x: number; y: number; kind: number }[];
}

declare global {
  interface Window {
    __swarm: SwarmTestWindow;
  }
}

/** @param game the current one, or undefined between two. */
export function openSwarmTestWindow(
  game: () => SwarmGame | undefined, painter: SwarmPainter, isOverlayVisible: () => boolean,
): void {
  window.__swarm = Object.freeze({
    get ready() {
      return game()?.isReady ?? false;
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
      const row = figure && game()!.room.state.bodies.get(figure.id);
      return row === undefined ? null : { x: row.x, y: row.y, score: row.score, drawnX: figure!.x, drawnY: figure!.y };
    },
    counts() {
      const current = game();
      return current === undefined ? null : countsOf(current, painter);
    },
    creatures() {
      const current = game();
      if (current === undefined) return [];
      return Array.from(current.room.state.creatures, ({ id, x, y, kind }) => ({ id, x, y, kind }));
    },
  });
}

function countsOf({ room, stage }: SwarmGame, painter: SwarmPainter): SwarmCounts {
  const { cells, addedCount, removedCount } = stage;
  let strays = 0;
  for (const { x, y } of room.state.creatures) if (cells.at(x, y) === Sent.Not) strays += 1;
  return {
    held: room.state.creatures.size,
    strays,
    added: addedCount,
    removed: removedCount,
    nearCells: cells.nearCount,
    farCells: cells.farCount,
    drawn: { ...painter.drawn },
    stats: { ...room.stats },
  };
}
