/** Compiled, never run, by client-types-follow-the-room.test.ts: what `typeof Arena` lets a client say, and what not. */
import type { ClientRoom, InputOf, RowView, StateOf, TableView } from '../../src/client/index.js';
import { connect } from '../../src/client/index.js';
import { Room } from '../../src/shard/room.js';
import { angle, bool, fixed, int8, text, uint8 } from '../../src/state/field.js';
import { input, table } from '../../src/state/schema.js';

const Player = table({ x: fixed(0, 10, 1), name: text(8), dead: bool });
const Bullet = table({ heading: angle(8) });
const Move = input({ dx: int8, fire: bool });

class Arena extends Room {
  players = this.table(Player);
  bullets = this.table(Bullet);
  moves = this.input(Move);
  round = 1;
  private hidden = this.table(Bullet);
  anything: any;
  override onTick(): void {
    this.hidden.clear();
  }
}
class Lobby extends Room {
  seats = this.table(table({ taken: uint8 }));
}
abstract class Base extends Room {
  players = this.table(Player);
}

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const holds = <T extends true>(): T | undefined => undefined;

holds<Same<keyof StateOf<typeof Arena>, 'players' | 'bullets'>>();
holds<Same<keyof StateOf<typeof Base>, 'players'>>();
holds<Same<StateOf<typeof Arena>['players'], TableView<typeof Player.fields>>>();
holds<Same<InputOf<typeof Lobby>, never>>();

export async function play(): Promise<void> {
  const client = connect('ws://localhost:2567');
  const room: ClientRoom<typeof Arena> = await client.joinOrCreate<typeof Arena>('arena', { name: 'Ann' });
  for (const player of room.state.players) {
    const x: number = player.x;
    const name: string = player.name;
    const dead: boolean = player.dead;
    const { id, alive }: { id: number; alive: boolean } = player;
    void [x, name, dead, id, alive];
    // @ts-expect-error rows of a client are for reading
    player.x = 3;
    // @ts-expect-error no such field
    void player.y;
  }
  const found: RowView<typeof Player.fields> | undefined = room.state.players.get(1);
  void found;
  room.state.bullets.onAdd((bullet) => bullet.heading.toFixed(2));
  room.onStateChange((state, tick) => [...state.players].map((player) => player.x + tick));
  // @ts-expect-error not a table
  void room.state.round;
  // @ts-expect-error private in the room's class
  void room.state.hidden;
  // @ts-expect-error says nothing about itself
  void room.state.anything;

  room.input({});
  room.input({ dx: 1, fire: true });
  // @ts-expect-error a boolean
  room.input({ fire: 1 });
  // @ts-expect-error no such field
  room.input({ jump: true });

  room.onMessage<{ text: string }>('chat', (message) => message.text.trim());
  room.onMessage('*', (type, payload) => [type.trim(), payload]);

  const lobby = await client.join<typeof Lobby>('lobby');
  // @ts-expect-error a room that takes no input
  lobby.input({});

  const loose = await client.joinById('some-id');
  for (const row of loose.state.whatever!) void (row.anything + row.id);
  loose.input({ dx: 1, fire: true });
}
