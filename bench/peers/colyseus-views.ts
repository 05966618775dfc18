/**
 * A crowd in `@colyseus/schema`, with a StateView for each client: a patch is what all of them share, and then each
 * view's own part.
 *
 * Which entities a view has to gain and lose is found out in time that isn't counted, and so is which fields changed.
 */
import { Decoder, Encoder, schema, StateView, t, type SchemaType } from '@colyseus/schema';
import type { CrowdContender } from '../interest-contender.js';
import { LEAVE_RADIUS, RADIUS, type InterestWorkload } from '../interest-workload.js';
import { checkPlayer } from '../snapshot-contender.js';

const Entity = schema(
  { x: t.float32(), y: t.float32(), heading: t.float32(), health: t.uint8(), score: t.uint16() },
  'Entity',
);
type Entity = SchemaType<typeof Entity>;

/** Entities are sent to those whose view has them, and to nobody else. */
const Crowd = schema({ entities: t.map(Entity).view() }, 'Crowd');
type Crowd = SchemaType<typeof Crowd>;

/** The byte that says what a message is. */
const MESSAGE_TYPE_BYTES = 1;
/** All clients' first messages come to lie in it one after the other; 400 of them have a megabyte. */
const BUFFER_BYTES = 4 * 1024 * 1024;

export class ColyseusViews implements CrowdContender {
  /** The patch: what is shared, then each view's part. */
  us = 0;
  /** What goes before it, of the newest snapshot: assigning what changed, and entities into views and out of them. */
  writesUs = 0;
  viewsUs = 0;
  bytes = 0;
  seen = 0;
  /** Entities that came into views with the newest snapshot. */
  entered = 0;
  private readonly state = new Crowd();
  private readonly entities: Entity[] = [];
  private readonly encoder: Encoder<Crowd>;
  private readonly viewers: readonly Viewer[];

  constructor(private readonly workload: InterestWorkload) {
    const { table } = workload.arena;
    const { x, y, heading, health, score } = table.columns;
    for (let i = 0; i < table.rowEnd; i += 1) {
      const entity = new Entity();
      entity.x = x[i]!;
      entity.y = y[i]!;
      entity.heading = heading[i]!;
      entity.health = health[i]!;
      entity.score = score[i]!;
      this.state.entities.set(String(i), entity);
      this.entities.push(entity);
    }
    Encoder.BUFFER_SIZE = BUFFER_BYTES;
    this.encoder = new Encoder(this.state);
    this.viewers = Array.from({ length: workload.clientCount }, (_, c) => new Viewer(workload, c));
    for (const viewer of this.viewers) {
      viewer.look();
      viewer.updateView(this.entities);
    }
    const shared = { offset: 0 };
    this.encoder.encodeAll(shared);
    const sharedBytes = shared.offset;
    for (const viewer of this.viewers) viewer.take(this.encoder.encodeAllView(viewer.view, sharedBytes, shared));
    this.encoder.discardChanges();
    this.catchUp();
  }

  snapshot(): void {
    const { viewers, entities, encoder } = this;
    this.entered = 0;
    for (const viewer of viewers) {
      viewer.look();
      this.entered += viewer.entering.length;
    }
    const startMs = performance.now();
    this.write();
    const writtenMs = performance.now();
    for (let c = 0; c < viewers.length; c += 1) viewers[c]!.updateView(entities);
    const viewedMs = performance.now();
    const iterator = { offset: 0 };
    encoder.encode(iterator);
    const sharedBytes = iterator.offset;
    this.bytes = 0;
    for (let c = 0; c < viewers.length; c += 1) {
      const viewer = viewers[c]!;
      const message = encoder.encodeView(viewer.view, sharedBytes, iterator);
      viewer.take(message);
      this.bytes += MESSAGE_TYPE_BYTES + message.length;
    }
    encoder.discardChanges();
    this.us = (performance.now() - viewedMs) * 1000;
    this.writesUs = (writtenMs - startMs) * 1000;
    this.viewsUs = (viewedMs - writtenMs) * 1000;
  }

  catchUp(): void {
    this.seen = 0;
    for (const viewer of this.viewers) {
      viewer.decode();
      viewer.check();
      this.seen += viewer.sees.size;
    }
  }

  /** Assigns what changed. Comparing is counted, as one comparison costs no more than a call of the setter. */
  private write(): void {
    const { entities } = this;
    const { x, y, heading, health, score } = this.workload.arena.table.columns;
    for (let i = 0; i < entities.length; i += 1) {
      const entity = entities[i]!;
      entity.x = x[i]!;
      entity.y = y[i]!;
      if (entity.heading !== heading[i]) entity.heading = heading[i]!;
      if (entity.health !== health[i]) entity.health = health[i]!;
      if (entity.score !== score[i]) entity.score = score[i]!;
    }
  }
}

/** One client: its view at the server, and what it holds. */
class Viewer {
  readonly view = new StateView();
  private readonly decoder = new Decoder(new Crowd());
  /** Rows in the view. */
  readonly sees = new Set<number>();
  /** Rows that come into the view and leave it with this snapshot. */
  entering: number[] = [];
  leaving: number[] = [];
  private readonly messages: Uint8Array[] = [];

  constructor(
    private readonly workload: InterestWorkload,
    private readonly client: number,
  ) {}

  look(): void {
    const { workload, client, sees } = this;
    this.entering = [];
    this.leaving = [];
    for (let row = 0; row < workload.arena.count; row += 1) {
      const distanceSquared = workload.distanceSquared(client, row);
      if (sees.has(row)) {
        if (distanceSquared > LEAVE_RADIUS ** 2) this.leaving.push(row);
      } else if (distanceSquared <= RADIUS ** 2) {
        this.entering.push(row);
      }
    }
    for (const row of this.leaving) sees.delete(row);
    for (const row of this.entering) sees.add(row);
  }

  updateView(entities: readonly Entity[]): void {
    for (const row of this.leaving) this.view.remove(entities[row]!);
    for (const row of this.entering) this.view.add(entities[row]!);
  }

  take(message: Uint8Array): void {
    this.messages.push(message);
  }

  /** Decodes all that was taken since the last call. */
  decode(): void {
    for (const message of this.messages) this.decoder.decode(message);
    this.messages.length = 0;
  }

  /** The client holds what it is to see, as it is in the table, and nothing else. */
  check(): void {
    const { sees, client, decoder } = this;
    const { entities } = decoder.state;
    if (entities.size !== sees.size) {
      throw new Error(`@colyseus/schema: client ${client} holds ${entities.size} entities; expected ${sees.size}`);
    }
    for (const row of sees) {
      const entity = entities.get(String(row));
      if (entity === undefined) throw new Error(`@colyseus/schema: client ${client} doesn't hold entity ${row}`);
      checkPlayer('@colyseus/schema', this.workload.arena.table, row, entity, Math.fround);
    }
  }
}
