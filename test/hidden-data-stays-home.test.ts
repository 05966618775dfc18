/** What a client may not see is not in a single byte that its socket gets: a canary in each secret would tell. */
import { connect, type ClientRoom } from 'escapement/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type Secrets from './rooms/secrets.js';
import { canaryOf, codeOf, type TeamName } from './rooms/secrets.js';
import { ServerProcess } from './support/server-process.js';
import { ROOMS_FOLDER } from './support/setup.js';
import { Tap } from './support/tapped-socket.js';

/** Every kind of snapshot comes in that time, from far rings too. */
const WATCH_MS = 700;

const EVERYTHING = [
  'hand-ada', 'hand-bob', 'hand-cid', 'plan-red', 'plan-blue', 'deep', 'vault', 'ghost',
  'mine-red-near', 'mine-red-far', 'mine-blue-near', 'mine-blue-far',
];

class Player {
  readonly tap = new Tap();
  room!: ClientRoom<typeof Secrets>;
  /** Rows that came and went, by what they are. */
  readonly events: string[] = [];

  static async join(url: string, roomId: string, name: string, team: TeamName): Promise<Player> {
    const player = new Player();
    const client = connect(url, { WebSocket: player.tap.WebSocket });
    const options = { name, team };
    player.room = await (roomId === '' ? client.create<typeof Secrets>('secrets', options) : client.joinById(roomId, options));
    player.room.onError((error) => player.events.push(String(error)));
    const watch = (table: any, nameOf: (row: any) => string): void => {
      table.onAdd((row: any) => player.events.push(`+${nameOf(row)}`));
      table.onRemove((row: any) => player.events.push(`-${nameOf(row)}`));
    };
    const { vaults, mines } = player.room.state;
    for (const table of [vaults, mines]) watch(table, (row) => /^CANARY-(.*)-\d*$/.exec(row.label)?.[1] ?? '?');
    return player;
  }

  /** Gives the room an order. @returns the tick that was over when it was carried out */
  async order(order: string): Promise<number> {
    const done = new Promise<number>((resolve) => {
      const stop = this.room.onMessage('done', ({ tick }: { tick: number }) => {
        stop();
        resolve(tick);
      });
    });
    this.room.send(order);
    return done;
  }

  /** Resolves when what the client holds is later than this tick. */
  async after(tick: number): Promise<void> {
    while (this.room.tick <= tick) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  /** Which of all things the socket was ever sent anything of. */
  get got(): { texts: string[]; numbers: string[] } {
    return {
      texts: EVERYTHING.filter((name) => this.tap.numbersAfter(canaryOf(name)).length > 0),
      numbers: EVERYTHING.filter((name) => this.tap.hasNumber(codeOf(name))),
    };
  }
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

let server: ServerProcess;
let ada: Player;
let bob: Player;
let cid: Player;

beforeAll(async () => {
  server = await ServerProcess.start({ args: ['--rooms', ROOMS_FOLDER, '--shards', '1', '--log-level', 'warn'] });
});
afterAll(async () => {
  await server?.stop();
});

describe('each socket gets its own secrets and nobody else\'s', () => {
  beforeAll(async () => {
    ada = await Player.join(server.url, '', 'ada', 'red');
    bob = await Player.join(server.url, ada.room.id, 'bob', 'blue');
    cid = await Player.join(server.url, ada.room.id, 'cid', '');
    await sleep(WATCH_MS);
  });

  it.each([
    ['ada', () => ada, ['hand-ada', 'plan-red', 'ghost', 'mine-red-near', 'mine-red-far']],
    ['bob', () => bob, ['hand-bob', 'plan-blue', 'mine-blue-near', 'mine-blue-far']],
    ['cid', () => cid, ['hand-cid', 'ghost']],
  ] as const)('%s', (_, player, seen) => {
    const { texts, numbers } = player().got;
    expect(texts.sort()).toEqual([...seen].sort());
    expect(numbers.sort()).toEqual([...seen].sort());
    expect(player().tap.bytes.length).toBeGreaterThan(1000);
  });

  it('and its tables have those rows, with the fields of the others empty', () => {
    const { hands, units, vaults, mines } = cid.room.state;
    expect([...hands].map(({ owner }) => owner)).toEqual(['cid']);
    expect([...units].map(({ team, plan, code, speed }) => ({ team, plan, code, speed }))).toEqual(
      ['red', 'blue', 'nobody'].map((team) => ({ team, plan: '', code: 0, speed: 0 })),
    );
    expect([vaults.size, mines.size]).toEqual([1, 0]);
    const [red, blue] = [...ada.room.state.units];
    expect(red).toMatchObject({ code: codeOf('plan-red'), speed: 1e9 });
    expect(blue).toMatchObject({ code: 0, speed: 0, plan: '' });
    expect(ada.room.state.mines.size).toBe(2);
  });
});

describe('what is taken back is sent no more', () => {
  it('a row that is hidden again goes, and no later text of it comes', async () => {
    const shown = await bob.order('show-vault');
    await bob.after(shown);
    await sleep(WATCH_MS);
    expect([...bob.room.state.vaults].map(({ code }) => code)).toEqual([codeOf('vault')]);
    const hidden = await bob.order('hide-vault');
    await bob.after(hidden + 1);
    expect(bob.room.state.vaults.size).toBe(0);
    await sleep(WATCH_MS);
    const ticks = bob.tap.numbersAfter(canaryOf('vault'));
    expect(ticks.length).toBeGreaterThan(10);
    expect(Math.max(...ticks)).toBeLessThanOrEqual(hidden);
    expect(bob.events.filter((event) => event.includes('vault'))).toEqual(['+vault', '-vault']);
    for (const other of [ada, cid]) expect(other.tap.numbersAfter(canaryOf('vault'))).toEqual([]);
  });

  it('secret fields that are concealed again are emptied, and no later text of them comes', async () => {
    const revealed = await cid.order('reveal-deep');
    await cid.after(revealed + 2);
    const deep = [...cid.room.state.units].find(({ team }) => team === 'nobody')!;
    expect(deep.plan).toMatch(/^CANARY-deep-\d+$/);
    expect(deep.code).toBe(codeOf('deep'));
    const concealed = await cid.order('conceal-deep');
    await cid.after(concealed + 1);
    expect(deep).toMatchObject({ alive: true, plan: '', code: 0 });
    await sleep(WATCH_MS);
    const ticks = cid.tap.numbersAfter(canaryOf('deep'));
    expect(ticks.length).toBeGreaterThan(0);
    expect(Math.max(...ticks)).toBeLessThanOrEqual(concealed);
    for (const other of [ada, bob]) expect(other.tap.numbersAfter(canaryOf('deep'))).toEqual([]);
  });

  it('who leaves a team loses all that was the team\'s at once, and gets it back with the team', async () => {
    const left = await ada.order('leave-team');
    await ada.after(left + 1);
    const { mines, units } = ada.room.state;
    expect(mines.size).toBe(0);
    expect([...units][0]).toMatchObject({ team: 'red', plan: '', code: 0, speed: 0 });
    await sleep(WATCH_MS);
    for (const name of ['plan-red', 'mine-red-near', 'mine-red-far']) {
      expect(Math.max(...ada.tap.numbersAfter(canaryOf(name))), name).toBeLessThanOrEqual(left);
    }
    const joined = await ada.order('join-team');
    await ada.after(joined + 1);
    await sleep(WATCH_MS);
    expect(mines.size).toBe(2);
    expect([...units][0]!.plan).toMatch(/^CANARY-plan-red-\d+$/);
    expect(ada.got.texts.sort()).toEqual(['ghost', 'hand-ada', 'mine-red-far', 'mine-red-near', 'plan-red']);
  });
});

it('nobody had errors', () => {
  for (const { events, room } of [ada, bob, cid]) {
    expect(events.filter((event) => !/^[+-]/.test(event))).toEqual([]);
    expect(room.stats.resyncs).toBe(0);
  }
});
