/** One address gets so many sockets and so many handshakes a second; others don't notice. */
import { afterEach, describe, expect, it } from 'vitest';
import { AddressLimits } from '../src/front/address-limits.js';
import { AddressList } from '../src/front/address-list.js';
import { LoneFront } from './support/lone-front.js';
import { askHttp, RawSocket, upgradeRequest } from './support/raw-socket.js';

const NOBODY = new AddressList([]);

describe('handshakes', () => {
  it('are granted for two seconds at once, then at the rate, and a refused one costs nothing', () => {
    const limits = new AddressLimits(32, 10, NOBODY);
    for (let i = 0; i < 20; i += 1) expect(limits.handshake('192.0.2.1', 0)).toBe(0);
    for (let i = 0; i < 1000; i += 1) expect(limits.handshake('192.0.2.1', 0)).toBe(1);
    expect(limits.handshake('192.0.2.1', 100)).toBe(0);
    expect(limits.handshake('192.0.2.1', 100)).toBe(1);
    expect(limits.handshake('192.0.2.2', 100)).toBe(0);
    let granted = 0;
    for (let nowMs = 101; nowMs <= 10_100; nowMs += 1) if (limits.handshake('192.0.2.1', nowMs) === 0) granted += 1;
    expect(granted).toBe(100);
  });

  it('who waits as long as it is told gets in', () => {
    const limits = new AddressLimits(32, 1, NOBODY);
    limits.handshake('192.0.2.1', 0);
    limits.handshake('192.0.2.1', 0);
    const retryAfterSec = limits.handshake('192.0.2.1', 500);
    expect(retryAfterSec).toBe(1);
    expect(limits.handshake('192.0.2.1', 500 + retryAfterSec * 1000)).toBe(0);
  });

  it('of one IPv6 /64 are counted as one, and of another are not', () => {
    const limits = new AddressLimits(32, 1, NOBODY);
    expect([1, 2, 3].map((i) => limits.handshake(`2001:db8:1:2::${i}`, 0))).toEqual([0, 0, 1]);
    expect(limits.handshake('2001:db8:1:3::1', 0)).toBe(0);
  });
});

describe('sockets', () => {
  it('are counted while they are open', () => {
    const limits = new AddressLimits(2, 10, NOBODY);
    limits.opened('192.0.2.1', 0);
    expect(limits.mayOpen('192.0.2.1')).toBe(true);
    limits.opened('192.0.2.1', 0);
    expect(limits.mayOpen('192.0.2.1')).toBe(false);
    expect(limits.mayOpen('192.0.2.2')).toBe(true);
    limits.closed('192.0.2.1');
    expect(limits.mayOpen('192.0.2.1')).toBe(true);
  });

  it('of exempt addresses are not, even beside others of their /64', () => {
    const limits = new AddressLimits(1, 1, new AddressList(['::1', '127.0.0.0/8']));
    limits.opened('::2', 0);
    expect(limits.mayOpen('::3')).toBe(false);
    for (const address of ['::1', '127.0.0.5']) {
      for (let i = 0; i < 10; i += 1) {
        expect(limits.handshake(address, 0)).toBe(0);
        expect(limits.mayOpen(address)).toBe(true);
        limits.opened(address, 0);
      }
      limits.closed(address);
    }
    expect(limits.mayOpen('::3')).toBe(false);
    expect(limits.size).toBe(1);
  });
});

describe('memory', () => {
  it('is given back when a bucket is full again and no socket is open', () => {
    const limits = new AddressLimits(32, 10, NOBODY);
    for (let i = 0; i < 1000; i += 1) limits.handshake(`10.0.${i >> 8}.${i & 255}`, 0);
    limits.opened('192.0.2.1', 0);
    limits.sweep(99);
    expect(limits.size).toBe(1001);
    limits.sweep(100);
    expect(limits.size).toBe(1);
    limits.closed('192.0.2.1');
    limits.sweep(100);
    expect(limits.size).toBe(0);
  });

  it('is bounded: what finds the table full is let through unmeasured, and takes nobody else\'s place', () => {
    const limits = new AddressLimits(1, 1, NOBODY, 3);
    for (const i of [1, 2, 3]) limits.opened(`192.0.2.${i}`, 0);
    for (let i = 0; i < 10; i += 1) {
      expect(limits.handshake('192.0.2.4', 0)).toBe(0);
      expect(limits.mayOpen('192.0.2.4')).toBe(true);
      limits.opened('192.0.2.4', 0);
    }
    expect(limits.size).toBe(3);
    limits.closed('192.0.2.4');
    expect(limits.mayOpen('192.0.2.1')).toBe(false);
  });
});

describe('at the port', () => {
  let lone: LoneFront;
  const sockets: RawSocket[] = [];
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.drop();
    await lone.close();
  });

  const upgrade = (from: string): Promise<{ status: number; text: string }> =>
    askHttp(lone.url, upgradeRequest({ 'X-Forwarded-For': from }));

  async function open(from: string): Promise<void> {
    sockets.push(await RawSocket.open(lone.url, { 'X-Forwarded-For': from }));
  }

  it('the 33rd socket of an address is answered with 429, until one of the 32 has closed', async () => {
    lone = await LoneFront.listen({ trustedProxies: ['127.0.0.1'], handshakesPerAddressPerSec: 1000 });
    for (let i = 0; i < 32; i += 1) await open('203.0.113.1');
    const refused = await upgrade('203.0.113.1');
    expect(refused.status).toBe(429);
    expect(refused.text).toMatch(/^Retry-After: [1-9]\d*\r$/m);
    expect(lone.handshakesRefused).toBe(1);
    const text = await (await fetch(`${lone.url}/healthz`)).text();
    expect(text).toBe('{"status":"ok"}');
    expect((await upgrade('203.0.113.2')).status).toBe(101);
    sockets[0]!.drop();
    await expect.poll(() => lone.closed).toContain('203.0.113.1');
    expect((await upgrade('203.0.113.1')).status).toBe(101);
  });

  it('sockets of one IPv6 /64 count together', async () => {
    lone = await LoneFront.listen({ trustedProxies: ['127.0.0.1'], connectionsPerAddressMax: 2 });
    await open('2001:db8:0:7::1');
    await open('2001:db8:0:7:ffff::2');
    expect((await upgrade('2001:db8:0:7::3')).status).toBe(429);
    expect((await upgrade('2001:db8:0:8::3')).status).toBe(101);
  });

  it('handshakes over the rate are answered with 429 and words, upgrades and HTTP joins alike', async () => {
    lone = await LoneFront.listen({ trustedProxies: ['127.0.0.1'], handshakesPerAddressPerSec: 1 });
    const headers = { 'X-Forwarded-For': '203.0.113.1' };
    expect((await fetch(`${lone.url}/rooms`, { headers })).status).toBe(200);
    expect((await upgrade('203.0.113.1')).status).toBe(101);
    const refused = await fetch(`${lone.url}/matchmake/create/duel`, { method: 'POST', headers });
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect(await refused.json()).toEqual({
      error: { code: 1008, message: expect.stringContaining('expected at most 1 a second: try again in') },
    });
    expect(await upgrade('203.0.113.1')).toMatchObject({ status: 429 });
    lone.nowMs += 1000;
    expect(await upgrade('203.0.113.1')).toMatchObject({ status: 101 });
    expect(lone.handshakesRefused).toBe(2);
    expect(lone.reservations).toEqual([]);
    expect((await fetch(`${lone.url}/rooms`, { headers: { 'X-Forwarded-For': '203.0.113.2' } })).status).toBe(200);
  });

  it('this machine itself is not held to them, unless it says for whom it speaks', async () => {
    lone = await LoneFront.listen({ connectionsPerAddressMax: 1, handshakesPerAddressPerSec: 1 });
    for (let i = 0; i < 10; i += 1) await open('203.0.113.1');
    expect(lone.handshakesRefused).toBe(0);
  });

  it('a client can not get another address\'s allowance by naming it', async () => {
    const options = { limitExemptAddresses: [], handshakesPerAddressPerSec: 1 };
    lone = await LoneFront.listen(options);
    const statuses = [];
    for (let i = 1; i <= 4; i += 1) statuses.push((await upgrade(`203.0.113.${i}`)).status);
    expect(statuses).toEqual([101, 101, 429, 429]);
  });
});
