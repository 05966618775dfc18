/** One of many who come, talk, vanish, come back, are taken over and go: what they do, a seed says. */
import type { JoinError } from 'escapement/client';
import type { SeededRandom } from '../corpus/seeded-random.js';
import type { StormOptions } from '../rooms/storm.js';
import { FragileClient } from './fragile-client.js';
import { soon, Stay, type StormRoom } from './storm-stay.js';

const KICKED = 4321;
const LIVES = 2;
const ACTIONS_MAX = 5;
const REST_MS_MAX = 500;
const JOIN_TIMEOUT_MS = 20_000;
/** Rooms that joinById chooses from. */
const KNOWN_ROOMS_MAX = 60;

/** What all players share. */
export class StormLog {
  /** How often each thing was done. */
  readonly done = new Map<string, number>();
  readonly problems: string[] = [];
  private readonly rooms: string[] = [];

  count(what: string): void {
    this.done.set(what, (this.done.get(what) ?? 0) + 1);
  }

  meet(roomId: string): void {
    this.rooms.push(roomId);
    if (this.rooms.length > KNOWN_ROOMS_MAX) this.rooms.shift();
  }

  /** A room that there was not long ago. */
  anyRoom(random: SeededRandom): string {
    return this.rooms[random.below(Math.max(1, this.rooms.length))] ?? 'nowhere';
  }
}

export class StormPlayer {
  private readonly trace: string[] = [];

  constructor(
    private readonly index: number,
    private readonly url: string,
    private readonly random: SeededRandom,
    private readonly log: StormLog,
  ) {}

  async run(): Promise<void> {
    try {
      for (let life = 0; life < LIVES; life += 1) {
        await this.rest(4 * REST_MS_MAX);
        await this.live();
      }
    } catch (error) {
      this.log.problems.push(`player ${this.index}: ${(error as Error).message}\n    did: ${this.trace.join(', ')}`);
    }
  }

  private async live(): Promise<void> {
    const { random } = this;
    let stay = await this.enter();
    for (let actions = random.below(ACTIONS_MAX); actions > 0 && stay !== null; actions -= 1) stay = await this.act(stay);
    if (stay === null) return;
    await this.end(stay);
    this.check(stay);
  }

  private did(what: string): void {
    this.trace.push(what);
    this.log.count(what);
  }

  private check({ faults }: Stay): void {
    if (faults.length > 0) throw new Error(faults.join('; '));
  }

  private async rest(msMax = REST_MS_MAX): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, this.random.below(msMax)));
  }

  // --- Coming --------------------------------------------------------------------------------------------------------

  private enter(): Promise<Stay | null> {
    const { random } = this;
    const comesBack = random.below(8) > 0;
    const fragile = new FragileClient(this.url, { joinTimeoutMs: JOIN_TIMEOUT_MS, ...(comesBack ? {} : { reconnect: false }) });
    const { client } = fragile;
    const options: StormOptions = { mode: 'calm', slowMs: random.below(4) === 0 ? random.below(300) : 0 };
    const json = { ...options };
    switch (random.below(20)) {
      case 0:
      case 1:
        return this.go('create', fragile, client.create('storm', json));
      case 2:
        return this.go('join', fragile, client.join('storm', json), 4010);
      case 3:
      case 4:
        return this.go('join by id', fragile, client.joinById(this.log.anyRoom(random), json), 4010);
      case 5:
      case 6:
        return this.reserve(fragile, options);
      case 7:
      case 8:
      case 9:
        return this.queue(fragile, options);
      case 10:
        return this.watch(fragile);
      case 11:
        return this.go('fail to join', fragile, client.joinOrCreate('storm', { ...json, failJoin: true }), 4401);
      case 12:
        return this.go('fail to create', fragile, client.joinOrCreate('storm', { ...json, mode: 'doomed' }), 4002);
      case 13:
        return this.cutInJoin(fragile, options);
      default:
        return this.go('join or create', fragile, client.joinOrCreate('storm', json));
    }
  }

  /** @param codes that it may be refused with */
  private async go(what: string, fragile: FragileClient, join: Promise<unknown>, ...codes: number[]): Promise<Stay | null> {
    try {
      return this.seated(what, fragile, (await join) as StormRoom, null);
    } catch (error) {
      this.refused(what, error, codes);
      return null;
    }
  }

  private seated(what: string, fragile: FragileClient, room: StormRoom, before: Stay | null): Stay {
    this.did(what);
    this.log.meet(room.id);
    return new Stay(fragile, room, before);
  }

  private refused(what: string, error: unknown, codes: readonly number[]): void {
    const { code, message } = error as JoinError;
    if (!codes.includes(code)) throw new Error(`${what}: ${message} (${code})`);
    this.did(`${what}: refused`);
  }

  private async reserve(fragile: FragileClient, options: StormOptions): Promise<Stay | null> {
    const { client } = fragile;
    const response = await fetch(`${this.url}/matchmake/joinOrCreate/storm`, {
      method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(options),
    });
    const seat = (await response.json()) as { url: string; ticket: string; expiresAt: number };
    if (response.status !== 200) throw new Error(`HTTP ${response.status} ${JSON.stringify(seat)}`);
    if (this.random.below(3) === 0) {
      this.did('leave a ticket');
      return null;
    }
    const stay = await this.go('ticket', fragile, client.consumeSeat(seat));
    const second = new FragileClient(this.url);
    if (this.random.below(2) === 0) await this.go('used ticket', second, second.client.joinWithTicket(seat.ticket), 4401);
    return stay;
  }

  private queue(fragile: FragileClient, options: StormOptions): Promise<Stay | null> {
    const calledOff = new AbortController();
    const match = fragile.client.queue('storm', { ...options }, { rating: this.random.below(2000), signal: calledOff.signal });
    if (this.random.below(4) === 0) void this.rest().then(() => calledOff.abort());
    // Called off by itself, or nobody else came in time.
    return this.go('queue', fragile, match, 4000, 4010);
  }

  private async watch(fragile: FragileClient): Promise<null> {
    const list = await soon(fragile.client.watchRooms('storm'), 'a list of rooms');
    await this.rest();
    if (this.random.below(2) === 0) fragile.cut();
    await this.rest();
    if (this.random.below(2) === 0) fragile.cut();
    list.close();
    this.did('watch');
    return null;
  }

  /** Whether it got in or not, it isn't there any more. */
  private async cutInJoin(fragile: FragileClient, options: StormOptions): Promise<null> {
    const join = fragile.client.joinOrCreate('storm', { ...options, slowMs: 200 });
    void this.rest(400).then(() => fragile.cut());
    await join.then((room) => room.leave(), () => null);
    this.did('cut in join');
    return null;
  }

  // --- Being there ---------------------------------------------------------------------------------------------------

  /** @returns null when the session is over for this player */
  private async act(stay: Stay): Promise<Stay | null> {
    const { random } = this;
    stay.say(random.below(4));
    await this.rest();
    if (stay.ending !== null) throw new Error(`the session has ended: ${stay.ending.code} ${stay.ending.reason}`);
    switch (random.below(8)) {
      case 0:
      case 1:
        return this.cut(stay);
      case 2:
        return this.takeOver(stay, 'take over');
      case 3:
        stay.fragile.deafen();
        return this.takeOver(stay, 'take over from half-dead');
      case 4:
        stay.fragile.cut();
        return this.takeOver(stay, 'come back elsewhere');
      default:
        await stay.compare();
        this.did('compare');
        return stay;
    }
  }

  private async cut(stay: Stay): Promise<Stay | null> {
    stay.fragile.cut();
    stay.say(this.random.below(3));
    if (this.random.below(2) === 0) {
      await this.rest(60);
      stay.fragile.cut(); // it meets the redial, or the resumption
    }
    await stay.settled();
    this.did('cut');
    if (stay.ending === null) return stay;
    // A client that doesn't come back by itself.
    if (stay.ending.code !== 1006) throw new Error(`cut, and then ${stay.ending.code} ${stay.ending.reason}`);
    this.check(stay);
    return null;
  }

  /** Another page comes with the token. The first may be coming back itself at that moment; one of the two is refused. */
  private async takeOver(stay: Stay, how: string): Promise<Stay | null> {
    const page = new FragileClient(this.url, { joinTimeoutMs: JOIN_TIMEOUT_MS });
    let room: StormRoom;
    try {
      room = (await page.client.reconnect(stay.room.reconnectionToken)) as unknown as StormRoom;
    } catch (error) {
      this.refused(how, error, how === 'come back elsewhere' ? [4401] : []);
      await stay.settled();
      if (stay.ending !== null) throw new Error(`both pages were refused: ${stay.ending.code} ${stay.ending.reason}`);
      return stay;
    }
    const next = this.seated(how, page, room, stay);
    stay.fragile.cut(); // the late close of one that is half dead
    const { code, reason } = await soon(stay.over, 'the end of a page that was taken over from');
    if (![1006, 4000, 4401].includes(code)) next.faults.push(`taken over with ${code} ${reason}`);
    this.check(stay);
    await next.adopt();
    return next;
  }

  // --- Going ---------------------------------------------------------------------------------------------------------

  private async end(stay: Stay): Promise<void> {
    const { room, fragile } = stay;
    switch (this.random.below(4)) {
      case 0:
        fragile.cut();
        this.did('vanish');
        await room.leave(); // the seat stays until its grace is over
        return;
      case 1: {
        room.send('kick', KICKED);
        const { code } = await soon(stay.over, 'being kicked');
        if (code !== KICKED) stay.faults.push(`kicked with ${code}`);
        this.did('kick');
        return;
      }
      default: {
        await stay.compare();
        const code = await soon(room.leave(), 'leaving');
        if (code !== 4000) stay.faults.push(`left with ${code}`);
        this.did('leave');
      }
    }
  }
}
