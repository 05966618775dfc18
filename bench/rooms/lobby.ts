/** The room of the memory bench's connections: a hundred members with a row each, who could play and don't. */
import { angle, bool, input, Room, table, text, type Client, type Row } from 'escapement';

const MEMBERS = 100;

const Member = table({ name: text(16), ready: bool }, { capacity: MEMBERS });

const Move = input({ heading: angle(8), running: bool });

export default class LobbyRoom extends Room {
  static override tickRate = 20;
  /** As rarely as there can be: what is idle needs no more. */
  static override snapshotRate = 1;
  static override maxClients = MEMBERS;

  members = this.table(Member);
  moves = this.input(Move);
  readonly #rows = new Map<Client, Row<typeof Member.fields>>();

  override onJoin(client: Client): void {
    this.#rows.set(client, this.members.spawn({ name: `member ${client.sessionId.slice(0, 8)}` }));
  }

  override onLeave(client: Client): void {
    const row = this.#rows.get(client);
    if (row !== undefined) this.members.despawn(row);
    this.#rows.delete(client);
  }
}
