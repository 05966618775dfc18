/**
 * What uWebSockets.js does when a socket can't take what is sent to it. Not a test of ours, but of what src/front/egress.ts
 * relies on and why the server sends to each socket instead of publishing to many: the library's own documentation leaves
 * most of it open.
 */
import { App, us_listen_socket_close, us_socket_local_port, type us_listen_socket, type WebSocket } from 'uWebSockets.js';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { SeededRandom } from './corpus/seeded-random.js';
import { RawSocket } from './support/raw-socket.js';

const BACKPRESSURE_BYTES_MAX = 256 * 1024;
const FRAME_BYTES = 16 * 1024;
const TOPIC = 'room';
const SEED = 0x9e55;
const POLL = { timeout: 10_000 };

/** What `send` returns. */
const Sent = { Waits: 0, Taken: 1, Dropped: 2 } as const;

let app: ReturnType<typeof App>;
let listening: us_listen_socket;
let client: RawSocket;
/** The server's end of it. */
let socket: WebSocket<unknown>;
let dropped: number;
let drains: number;
/** Frames made so far: each begins with its number and is filled with its lowest byte. */
let made: number;

beforeEach(async () => {
  dropped = drains = made = 0;
  const opened = new Promise<WebSocket<unknown>>((resolve) => {
    app = App()
      .ws('/ws', {
        maxBackpressure: BACKPRESSURE_BYTES_MAX,
        closeOnBackpressureLimit: false,
        idleTimeout: 0,
        open: (each) => void (each.subscribe(TOPIC), resolve(each)),
        dropped: () => void (dropped += 1),
        drain: () => void (drains += 1),
      })
      .listen('127.0.0.1', 0, (token) => void (listening = token as us_listen_socket));
  });
  client = await RawSocket.open(`http://127.0.0.1:${us_socket_local_port(listening)}`);
  socket = await opened;
});
afterEach(() => {
  client.drop();
  us_listen_socket_close(listening);
  app.close();
});

function newFrame(bytes = FRAME_BYTES): Buffer {
  const frame = Buffer.alloc(bytes, made & 0xff);
  frame.writeUInt32LE(made);
  made += 1;
  return frame;
}

const send = (frame: Uint8Array): number => socket.send(frame, true, false);
const publish = (frame: Uint8Array): boolean => app.publish(TOPIC, frame, true, false);
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Sends to a client that doesn't read until `send` returns `result`. @returns how many came before */
async function sendUntil(result: number): Promise<number> {
  client.stopReading();
  for (let count = 0; ; count += 1) {
    if (send(newFrame()) === result) return count;
    await turn();
  }
}

/**
 * Sends to a client that doesn't read until so much waits that nothing more is taken, whatever the kernel takes later: its
 * buffers may grow a little while nobody reads.
 */
async function fill(): Promise<void> {
  await sendUntil(Sent.Waits);
  expect(send(newFrame(16 * BACKPRESSURE_BYTES_MAX))).toBe(Sent.Waits);
}

/** Reads on until the frame of this number has arrived. @returns the numbers of all frames, each seen to be whole */
async function readUntil(last: number): Promise<number[]> {
  client.goOnReading();
  const numbers: number[] = [];
  do {
    const frame = (await client.next())!;
    const number = frame.readUInt32LE();
    expect(frame.subarray(4).every((byte) => byte === (number & 0xff)), `frame ${number} is whole`).toBe(true);
    numbers.push(number);
  } while (numbers.at(-1) !== last);
  return numbers;
}

const range = (first: number, end: number): number[] => Array.from({ length: end - first }, (_, i) => first + i);

it('send returns 1 while the kernel takes all, 0 when some waits, 2 when it threw the whole frame away', async () => {
  const takenCount = await sendUntil(Sent.Waits);
  // The sign comes late: a quarter of a million snapshot bytes and more wait in the kernel unseen.
  expect(takenCount * FRAME_BYTES).toBeGreaterThan(BACKPRESSURE_BYTES_MAX);
  await fill();
  const sentCount = made;
  expect(socket.getBufferedAmount()).toBeGreaterThan(BACKPRESSURE_BYTES_MAX);
  for (let i = 0; i < 100; i += 1) expect(send(newFrame(4))).toBe(Sent.Dropped);
  expect(dropped).toBe(100);
  client.goOnReading();
  await expect.poll(() => socket.getBufferedAmount(), POLL).toBe(0);
  expect(drains).toBeGreaterThan(0);
  // It goes on with the next frame as if nothing had been: whoever sends has to know of the hole.
  expect(send(newFrame())).toBe(Sent.Taken);
  expect(await readUntil(made - 1)).toEqual([...range(0, sentCount), made - 1]);
});

it('the limit is held against what waited before: on top of it goes one frame of any size', async () => {
  await sendUntil(Sent.Waits);
  expect(socket.getBufferedAmount()).toBeLessThanOrEqual(BACKPRESSURE_BYTES_MAX);
  expect(send(newFrame(4 * BACKPRESSURE_BYTES_MAX))).toBe(Sent.Waits);
  expect(socket.getBufferedAmount()).toBeGreaterThan(4 * BACKPRESSURE_BYTES_MAX);
  expect(send(newFrame(4))).toBe(Sent.Dropped);
  expect(await readUntil(made - 2)).toEqual(range(0, made - 1));
});

it('publish returns true for every frame that it throws away, and says dropped once for many', async () => {
  await fill();
  const sentCount = made;
  for (let i = 0; i < 5; i += 1) {
    for (let k = 0; k < 100; k += 1) expect(publish(newFrame(200))).toBe(true);
    await turn();
  }
  await expect.poll(() => dropped, POLL).toBeGreaterThanOrEqual(5);
  expect(dropped).toBeLessThanOrEqual(50);
  client.goOnReading();
  await expect.poll(() => socket.getBufferedAmount(), POLL).toBe(0);
  expect(publish(newFrame())).toBe(true);
  expect(await readUntil(made - 1)).toEqual([...range(0, sentCount), made - 1]);
});

it('frames that arrive are whole and in order, whether sent or published, whoever was full in between', async () => {
  const random = new SeededRandom(SEED);
  const sure: number[] = [];
  const unsure = new Set<number>();
  for (let round = 0; round < 400; round += 1) {
    if (round % 40 === 0) client.stopReading();
    if (round % 40 === 30) client.goOnReading();
    for (let i = 0; i < 10; i += 1) {
      const frame = newFrame(4 + random.below(FRAME_BYTES * 2));
      if (random.below(2) === 0) {
        publish(frame);
        unsure.add(made - 1);
      } else if (send(frame) !== Sent.Dropped) {
        sure.push(made - 1);
      }
    }
    await turn();
  }
  client.goOnReading();
  await expect.poll(() => socket.getBufferedAmount(), POLL).toBe(0);
  expect(send(newFrame())).toBe(Sent.Taken);
  const arrived = await readUntil(made - 1);
  expect(arrived).toEqual([...arrived].sort((a, b) => a - b));
  expect(arrived.filter((number) => !unsure.has(number))).toEqual([...sure, made - 1]);
  // Else the test proves nothing of drops.
  expect(arrived.length).toBeLessThan(made);
});

it('a close frame comes after everything that waits', async () => {
  await sendUntil(Sent.Waits);
  const sentCount = made;
  socket.end(1013, 'too slow');
  expect(await readUntil(sentCount - 1)).toHaveLength(sentCount);
  expect(await client.ended).toEqual({ code: 1013, reason: 'too slow' });
});

it('a close frame is thrown away above the limit, too', async () => {
  await fill();
  socket.end(1013, 'too slow');
  client.goOnReading();
  expect((await client.ended).code).toBe(1006);
});
