/**
 * A world of which nobody sees all: animals on a grid with far rings and too few bytes for all of it, that cross cells all
 * the time and come back; riders who travel and look about; rangers whom only their own team sees; secrets that are told
 * and taken back.
 */
import { angle, bool, fixed, grid, Room, secret, table, text, uint16, uint8, type Client, type Group, type Row } from 'escapement';

const WORLD_SIZE = 1000;
const CELL_SIZE = 100;
const ANIMALS = 150;

const Animal = table(
  {
    x: fixed(0, WORLD_SIZE, 1 / 16),
    y: fixed(0, WORLD_SIZE, 1 / 16),
    heading: angle(8),
    hunger: secret(uint8),
    name: text(16),
    diagnosis: secret(text(20)),
    asleep: bool,
  },
  { capacity: 256 },
);
const Ranger = table({ team: uint8, rounds: secret(uint16), call: text(12), order: secret(text(12)) }, { capacity: 16 });

/** Everybody sees that they exist, and nothing more. */
const Cache = table({ x: secret(uint16), password: secret(text(10)) }, { capacity: 8 });

type AnimalRow = Row<typeof Animal.fields>;

export default class Safari extends Room {
  static override maxClients = 8;

  rangers = this.table(Ranger, { visible: false });
  animals = this.table(Animal);
  caches = this.table(Cache);
  override interest = grid({
    table: this.animals,
    x: 'x',
    y: 'y',
    cellSize: CELL_SIZE,
    radius: 120,
    leaveRadius: 160,
    rings: [{ radius: 260, rate: 7 }, { radius: 450, rate: 2 }],
    snapshotBytesMax: 300,
  });
  #teams: Group[] = [this.group(), this.group()];
  #patients: AnimalRow[] = [];

  override onCreate(): void {
    for (let i = 0; i < ANIMALS; i += 1) this.addAnimal();
    this.caches.spawn({ x: 7, password: 'nobody' });
    for (const team of this.#teams) this.reveal(this.caches.spawn({ x: 40_000, password: 'sesame' }), team);
  }

  override onJoin(client: Client): void {
    const team = this.clients.length % 2;
    this.#teams[team]!.add(client);
    const ranger = this.rangers.spawn({ team, rounds: 600, call: client.sessionId.slice(0, 8) });
    this.show(ranger, this.#teams[team]!);
    this.reveal(ranger, client);
    const mount = this.animals.spawn({ x: this.random() * WORLD_SIZE, y: 500, name: 'mount', heading: 1 });
    client.data = { ranger, mount };
    client.follow(mount);
  }

  override onTick(): void {
    for (const animal of this.animals) {
      if (animal.asleep) continue;
      if (animal.index % 4 === 1 && animal.name !== 'mount') {
        this.commute(animal);
        continue;
      }
      const speed = animal.name === 'mount' ? 8 : animal.index % 4;
      animal.x += Math.cos(animal.heading) * speed;
      animal.y += Math.sin(animal.heading) * speed;
      if (animal.x <= 0 || animal.x >= WORLD_SIZE || animal.y <= 0 || animal.y >= WORLD_SIZE) animal.heading += 2;
      else if (this.random() < 0.02) animal.heading += this.random() - 0.5;
      if (animal.hunger < 255 && this.random() < 0.1) animal.hunger += 1;
    }
    if (this.random() < 0.5) this.livesAndDies();
    if (this.random() < 0.5) this.examine();
    for (const client of this.clients) this.onRound(client);
  }

  override onLeave(client: Client): void {
    this.rangers.despawn(client.data.ranger);
    this.animals.despawn(client.data.mount);
  }

  private addAnimal(): void {
    const place = { x: this.random() * WORLD_SIZE, y: this.random() * WORLD_SIZE };
    const name = this.random() < 0.3 ? `no. ${this.tick}` : '';
    const animal = this.animals.spawn({ ...place, heading: this.random() * 6, name, asleep: this.random() < 0.2, hunger: 9 });
    // Its slot was another's a moment ago, of whom those far away haven't heard that it is gone.
    if (this.random() < 0.5) this.reveal(animal, this.#teams[this.random() < 0.5 ? 0 : 1]!);
  }

  /** To the next cell and back: also while a client that is sent one of the two at a slower rate doesn't look. */
  private commute(animal: AnimalRow): void {
    if (this.tick % (3 + 3 * (animal.index % 3)) !== 0) return;
    animal.x += Math.floor(animal.x / CELL_SIZE) % 2 === 0 ? CELL_SIZE : -CELL_SIZE;
  }

  private livesAndDies(): void {
    const animals = [...this.animals].filter(({ name }) => name !== 'mount');
    const one = animals[Math.floor(this.random() * animals.length)]!;
    if (this.random() < 0.5) this.animals.despawn(one);
    else one.asleep = !one.asleep;
    if (this.animals.size < ANIMALS) this.addAnimal();
    const other = animals[Math.floor(this.random() * animals.length)]!;
    if (!other.alive) return;
    // Hides in the bushes, from all or from one team.
    const choice = this.random();
    if (choice < 0.3) this.hide(other);
    else if (choice < 0.5) this.hide(other, this.#teams[0]!);
    else if (choice < 0.8) this.show(other);
  }

  /** Tells a team an animal's secrets, or takes them back. */
  private examine(): void {
    if (this.#patients.length > 40) {
      const healed = this.#patients.shift()!;
      if (healed.alive) this.conceal(healed);
    }
    const animals = [...this.animals];
    const patient = animals[Math.floor(this.random() * animals.length)]!;
    patient.diagnosis = `day ${this.tick}`;
    this.reveal(patient, ...(this.random() < 0.5 ? this.#teams : [this.#teams[0]!]));
    this.#patients.push(patient);
  }

  private onRound(client: Client): void {
    const { ranger, mount } = client.data;
    ranger.rounds -= ranger.rounds > 0 ? 1 : 0;
    if (this.tick % 90 === 0) ranger.order = `go ${this.tick}`;
    for (const cache of this.caches) cache.x += 3;
    // Looks through the field glass for a while, elsewhere.
    if (this.random() < 0.01) client.lookAt(this.random() * WORLD_SIZE, this.random() * WORLD_SIZE);
    else if (this.random() < 0.02) client.follow(mount);
  }
}
