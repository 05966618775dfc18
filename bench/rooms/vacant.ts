/** The empty room of the memory bench: a game for sixteen that has been made and left, and goes on ticking. */
import { angle, bool, fixed, input, Room, table, uint16, uint8 } from 'escapement';

const PLAYERS = 16;
const FIELD_SIZE = 2000;

export const Player = table(
  {
    x: fixed(0, FIELD_SIZE, 1 / 32),
    y: fixed(0, FIELD_SIZE, 1 / 32),
    heading: angle(8),
    health: uint8,
    score: uint16,
  },
  { capacity: PLAYERS },
);

const Move = input({ heading: angle(8), running: bool });

export default class VacantRoom extends Room {
  static override maxClients = PLAYERS;

  override autoDispose = false;
  players = this.table(Player);
  moves = this.input(Move);

  override onCreate(): void {
    this.onMessage('end', () => this.disconnect());
  }

  override onTick(): void {
    for (const client of this.clients) while (this.moves.next(client) !== undefined);
  }
}
