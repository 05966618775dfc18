/**
 * A room full of things that are not for everyone, each with a canary in it: a text that says what it is and of which tick,
 * rewritten at every tick, and a number of its own.
 */
import { fixed, float32, grid, int32, Room, secret, table, text, uint8, type Client, type Group } from 'escapement';

const Hand = table({ owner: text(16), face: text(24), code: int32 }, { capacity: 8 });
const Unit = table(
  { team: text(8), health: uint8, plan: secret(text(24)), code: secret(int32), speed: secret(float32) },
  { capacity: 8 },
);
const Mine = table({ x: fixed(0, 100, 0.5), y: fixed(0, 100, 0.5), label: text(24), code: int32 }, { capacity: 16 });
const Vault = table({ label: text(24), code: int32 }, { capacity: 4 });

export type TeamName = 'red' | 'blue' | '';

/** The number of the thing of that name: 31 bits, the highest set, the others as good as random. */
export function codeOf(name: string): number {
  let hash = 0x811c9dc5;
  for (const letter of name) hash = Math.imul(hash ^ letter.charCodeAt(0), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  hash ^= hash >>> 12;
  return (hash & 0x3fffffff) | 0x40000000;
}

/** What stands before the tick in the texts of the thing of that name. */
export function canaryOf(name: string): string {
  return `CANARY-${name}-`;
}

export default class Secrets extends Room {
  static override tickRate = 60;
  static override snapshotRate = 30;

  hands = this.table(Hand, { visible: false });
  units = this.table(Unit);
  mines = this.table(Mine, { visible: false });
  vaults = this.table(Vault);
  interest = grid({ table: this.mines, x: 'x', y: 'y', cellSize: 20, radius: 30, rings: [{ radius: 80, rate: 5 }] });
  #teams: Record<string, Group> = { red: this.group(), blue: this.group() };
  /** Whatever has a canary: how its text is written. */
  #writers: ((tick: number) => void)[] = [];

  onCreate(): void {
    const { units, mines, vaults } = this;
    for (const team of ['red', 'blue']) {
      const unit = units.spawn({ team, health: 100, code: codeOf(`plan-${team}`), speed: 1e9 });
      this.reveal(unit, this.#teams[team]!);
      this.#writers.push((tick) => (unit.plan = `${canaryOf(`plan-${team}`)}${tick}`));
      for (const [place, x] of [['near', 50], ['far', 95]] as const) {
        const name = `mine-${team}-${place}`;
        const mine = mines.spawn({ x, y: 50, code: codeOf(name) });
        this.show(mine, this.#teams[team]!);
        this.#writers.push((tick) => {
          mine.label = `${canaryOf(name)}${tick}`;
          mine.x += Math.sin(tick / 10); // now and then to another cell
        });
      }
    }
    const deep = units.spawn({ team: 'nobody', code: codeOf('deep') });
    this.#writers.push((tick) => (deep.plan = `${canaryOf('deep')}${tick}`));
    const vault = vaults.spawn({ code: codeOf('vault') });
    this.hide(vault);
    this.#writers.push((tick) => (vault.label = `${canaryOf('vault')}${tick}`));
    const ghost = vaults.spawn({ code: codeOf('ghost') });
    this.hide(ghost, this.#teams.blue!);
    this.#writers.push((tick) => (ghost.label = `${canaryOf('ghost')}${tick}`));

    // Each answers with the tick that is over: texts of later ones are written after the change.
    const orders: Record<string, (client: Client) => void> = {
      'show-vault': (client) => this.show(vault, client),
      'hide-vault': (client) => this.hide(vault, client),
      'reveal-deep': (client) => this.reveal(deep, client),
      'conceal-deep': (client) => this.conceal(deep, client),
      'leave-team': (client) => void this.#teams[client.data.team]!.delete(client),
      'join-team': (client) => void this.#teams[client.data.team]!.add(client),
    };
    for (const [order, carryOut] of Object.entries(orders)) {
      this.onMessage(order, (client) => {
        carryOut(client);
        client.send('done', { order, tick: this.tick });
      });
    }
  }

  onJoin(client: Client, { name, team }: { name: string; team: TeamName }): void {
    client.data = { team };
    if (team !== '') this.#teams[team]!.add(client);
    client.lookAt(50, 50);
    const hand = this.hands.spawn({ owner: name, code: codeOf(`hand-${name}`) });
    this.show(hand, client);
    this.#writers.push((tick) => (hand.face = `${canaryOf(`hand-${name}`)}${tick}`));
  }

  onTick(): void {
    for (const write of this.#writers) write(this.tick);
  }
}
