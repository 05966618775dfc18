/**
 * A crowd in a room with a grid, as this package sends it: the shard's and the front's own classes with the ring between
 * them, and sockets that keep what they are given. Simulation and settling aside, that is all that a snapshot takes.
 */
import { BitWriter } from '../src/codec/bit-writer.js';
import { BodyDecoder } from '../src/codec/body-decoder.js';
import { EncoderScratch } from '../src/codec/encoder-scratch.js';
import { FacetImage } from '../src/codec/facet-image.js';
import { facetsOf } from '../src/codec/facet.js';
import { RowChanges } from '../src/codec/row-changes.js';
import type { Allowance } from '../src/front/allowance.js';
import { Connection, ConnectionTable } from '../src/front/connection.js';
import { EgressPump } from '../src/front/egress.js';
import type { ShardLink } from '../src/front/shard-link.js';
import { BellRinger } from '../src/memory/bell.js';
import { CounterBlock, createCounterBlock } from '../src/memory/counters.js';
import { RingConsumer } from '../src/memory/ring-consumer.js';
import { createRing } from '../src/memory/ring-layout.js';
import { RingProducer } from '../src/memory/ring-producer.js';
import { ServerFrameReader, SnapshotKind } from '../src/protocol/server-frames.js';
import { Client, type ClientPort } from '../src/shard/client.js';
import { ClientPace } from '../src/shard/client-pace.js';
import { grid } from '../src/shard/interest/grid.js';
import { RoomInterest } from '../src/shard/interest/room-interest.js';
import { KeyframeBudget } from '../src/shard/keyframe-budget.js';
import { Outbox } from '../src/shard/outbox.js';
import { RoomState } from '../src/shard/room-state.js';
import { SnapshotSender } from '../src/shard/snapshot-sender.js';
import type { Table } from '../src/state/table.js';
import { TICK_RATE_HZ, TICKS_PER_SNAPSHOT } from './arena-workload.js';
import type { CrowdContender } from './interest-contender.js';
import type { InterestWorkload } from './interest-workload.js';

/**
 * Whole cells are sent, mostly three times three of these, so that a client sees about as many entities as it does with the
 * workload's own radius, which cuts exactly.
 */
const CELL_SIZE = 200;
const RADIUS = 110;
const LEAVE_RADIUS = 150;
/**
 * Beyond this from what it follows no client holds a row: that would be in the far corner (1.42) of a cell that is about to
 * be left, which a view may be a little late to find out.
 */
const HELD_DISTANCE_MAX = LEAVE_RADIUS + 2 * CELL_SIZE;

const RING_BYTES = 4 * 1024 * 1024;
const TICK_MS = 1000 / TICK_RATE_HZ;

export class EscapementCrowd implements CrowdContender {
  us = 0;
  bytes = 0;
  seen = 0;
  private readonly clients: Client[] = [];
  private readonly receivers: Receiver[] = [];
  private readonly pace: ClientPace;
  private readonly keyframeBudget = new KeyframeBudget();
  private readonly sender: SnapshotSender;
  private readonly outbox: Outbox;
  private readonly pump: EgressPump;
  private readonly link: ShardLink;
  private tick = 0;

  constructor(workload: InterestWorkload) {
    const { table } = workload.arena;
    const tables = [table as unknown as Table];
    const counters = new CounterBlock(createCounterBlock());
    const ring = createRing(RING_BYTES);
    this.outbox = new Outbox(new RingProducer(ring), new BellRinger(ring), counters);
    this.link = { egress: new RingConsumer(ring) } as ShardLink;

    const connections = new ConnectionTable(workload.clientCount);
    const place = grid({ table, x: 'x', y: 'y', cellSize: CELL_SIZE, radius: RADIUS, leaveRadius: LEAVE_RADIUS });
    const port = {
      followed: (row) => ({ row, x: place.x, y: place.y }),
    } as Pick<ClientPort, 'followed'> as ClientPort;
    for (let c = 0; c < workload.clientCount; c += 1) {
      const connection = new Connection(0, {} as Allowance, {} as Connection['request']);
      connections.add(connection);
      const client = new Client(String(c), connection.key, port);
      client.follow(table.at(workload.followed[c]!)!);
      const receiver = new Receiver(workload, c);
      connection.socket = receiver as unknown as Connection['socket'];
      this.clients.push(client);
      this.receivers.push(receiver);
    }
    // No socket here is slow, and nobody is sent a Joined.
    this.pump = new EgressPump(connections, counters, Infinity, Infinity, () => {});

    const interest = new RoomInterest();
    interest.addTable(tables[0]!, true);
    interest.setGrids(place);
    this.pace = new ClientPace({ lagLimitMs: 1000, ackTimeoutMs: 5000 }, TICK_RATE_HZ, counters);
    this.sender = new SnapshotSender(
      new RoomState(tables),
      interest,
      {
        clients: this.clients,
        tickRateHz: TICK_RATE_HZ,
        snapshotRateHz: TICK_RATE_HZ / TICKS_PER_SNAPSHOT,
        closeClient: (client, _code, reason) => {
          throw new Error(`client ${client.sessionId} was closed: ${reason}`);
        },
      },
      this.pace,
      {
        outbox: this.outbox,
        counters,
        keyframeBudget: this.keyframeBudget,
        scratch: new EncoderScratch(),
        bits: new BitWriter(),
      },
    );
    this.snapshot();
    this.catchUp();
  }

  snapshot(): void {
    const { clients, receivers, pace, sender, outbox, pump, link } = this;
    this.tick += TICKS_PER_SNAPSHOT;
    this.keyframeBudget.refill(this.tick * TICK_MS);
    const startMs = performance.now();
    sender.sendIfDue(this.tick);
    outbox.flush();
    const isLeft = pump.drain(link);
    this.us = (performance.now() - startMs) * 1000;
    if (isLeft) throw new Error('the front left records in the ring');
    this.bytes = 0;
    for (let c = 0; c < clients.length; c += 1) {
      pace.acknowledged(clients[c]!, this.tick, this.tick);
      this.bytes += receivers[c]!.lastBytes;
    }
  }

  catchUp(): void {
    this.seen = 0;
    for (const receiver of this.receivers) {
      receiver.decode(this.tick);
      receiver.check();
      this.seen += receiver.seen;
    }
  }
}

/** One client: a socket that keeps its frames until they are decoded, and what the client holds. */
class Receiver {
  /** Of the newest frame. */
  lastBytes = 0;
  seen = 0;
  private frames = new Uint8Array(64 * 1024);
  private readonly frameEnds: number[] = [0];
  private readonly reader = new ServerFrameReader();
  private readonly image: FacetImage;
  private readonly decoder: BodyDecoder;

  constructor(
    private readonly workload: InterestWorkload,
    private readonly client: number,
  ) {
    const { schema } = workload.arena.table;
    this.image = new FacetImage(facetsOf([schema])[0]!);
    this.decoder = new BodyDecoder([this.image], [new RowChanges(schema.capacity)]);
  }

  /** As uWebSockets.js does: what is sent is copied before it returns. */
  send(frame: Uint8Array): number {
    const start = this.frameEnds[this.frameEnds.length - 1]!;
    const end = start + frame.length;
    if (end > this.frames.length) {
      const frames = new Uint8Array(2 * end);
      frames.set(this.frames);
      this.frames = frames;
    }
    this.frames.set(frame, start);
    this.frameEnds.push(end);
    this.lastBytes = frame.length;
    return 1;
  }

  /** Decodes all that was sent since the last call; the newest is to be of that tick. */
  decode(tick: number): void {
    const { reader, image, frameEnds, client } = this;
    for (let i = 1; i < frameEnds.length; i += 1) {
      const frame = this.frames.subarray(frameEnds[i - 1], frameEnds[i]);
      if (reader.read(frame) !== 0) throw new Error(`client ${client}: the frame was refused`);
      const isKeyframe = reader.snapshotKind === SnapshotKind.Keyframe;
      this.decoder.apply(frame, reader.bodyOffset, reader.bodyOffset + reader.bodyLength, isKeyframe);
    }
    frameEnds.length = 1;
    if (reader.tick !== tick) throw new Error(`client ${client} holds tick ${reader.tick}; expected ${tick}`);
    this.seen = 0;
    for (const { count } of image.streams.values()) this.seen += count;
  }

  /** The client holds all that is within the radius, nothing from far away, and everything as it is in the table. */
  check(): void {
    const { workload, client, image } = this;
    const { quanta } = workload.arena.table.image;
    for (let row = 0; row < workload.arena.count; row += 1) {
      const distance = Math.sqrt(workload.distanceSquared(client, row));
      if (image.homes[row] === 0) {
        if (distance <= RADIUS) throw new Error(`client ${client} doesn't hold row ${row}, ${distance} units away`);
        continue;
      }
      if (distance > HELD_DISTANCE_MAX) throw new Error(`client ${client} holds row ${row}, ${distance} units away`);
      for (let f = 0; f < quanta.length; f += 1) {
        const quantum = image.quanta[f]![row];
        if (quantum === quanta[f]![row]) continue;
        throw new Error(`client ${client} has quantum ${quantum} in field ${f} of row ${row}; expected ${quanta[f]![row]}`);
      }
    }
  }
}
