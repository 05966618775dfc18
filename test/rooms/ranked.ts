/** A room for two teams of two, who are matched by their rating. */
import { Room, table, uint8, type Client } from 'escapement';

interface MatchOptions {
  match?: { teams: { rating: number }[][] };
}

export default class Ranked extends Room {
  static override tickRate = 20;
  static override maxClients = 4;
  static queue = { teams: 2, teamSize: 2, tolerance: 50, tolerancePerSec: 100, timeout: 3 };

  override autoDispose: boolean | number = 0;
  nothing = this.table(table({ a: uint8 }));
  #ratings: number[][] = [];

  override onCreate({ match }: MatchOptions): void {
    this.#ratings = match?.teams.map((team) => team.map(({ rating }) => rating)) ?? [];
  }

  override onJoin(client: Client): void {
    client.send('match', { team: client.team, ratings: this.#ratings });
  }
}
