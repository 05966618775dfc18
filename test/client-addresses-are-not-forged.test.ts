/** Who a client is said to be: what proxies say is believed as far as each is trusted, and nothing that a client says. */
import { afterEach, describe, expect, it } from 'vitest';
import { AddressList, entryProblem, limitKey, plainAddress } from '../src/front/address-list.js';
import { clientAddress } from '../src/front/client-address.js';
import { LoneFront } from './support/lone-front.js';
import { askHttp } from './support/raw-socket.js';

describe('an address has one form', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['0000:0000:0000:0000:0000:ffff:7f00:0001', '127.0.0.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:C000:0201', '192.0.2.1'],
    ['2001:0DB8:0000:0000:0000:0000:0000:0001', '2001:db8::1'],
    ['::1', '::1'],
  ])('%s', (text, plain) => expect(plainAddress(text)).toBe(plain));

  it.each(['', 'unknown', '1.2.3', '1.2.3.4.5', '01.2.3.4', '1.2.3.4:80', '[::1]', 'fe80::1%eth0', '::1 ', '1.2.3.256', '::g'])(
    'none: %j',
    (text) => expect(plainAddress(text)).toBeNull(),
  );
});

it.each([
  ['192.0.2.1', '192.0.2.1'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
  ['2001:db8:1:2::9', '2001:db8:1:2'],
  ['2001:db8::9', '2001:db8:0:0'],
  ['2001:db8::1:2:3:4:5', '2001:db8:0:1'],
  ['::1', '0:0:0:0'],
  ['::', '0:0:0:0'],
  ['1::', '1:0:0:0'],
  ['::2:3:4:5:6:7:8', '0:2:3:4'],
  ['::192.0.2.1', '0:0:0:0'],
])('limits count %s as %s', (address, key) => expect(limitKey(address)).toBe(key));

describe('a list', () => {
  const list = new AddressList(['192.0.2.1', '10.0.0.0/8', '2001:db8::/32', '::ffff:198.51.100.7']);

  it.each(['192.0.2.1', '10.255.0.1', '2001:db8:ffff::1', '198.51.100.7'])('has %s', (address) =>
    expect(list.has(address)).toBe(true),
  );

  it.each(['192.0.2.2', '11.0.0.1', '2001:db9::1', '', 'x'])('has not %j', (address) => expect(list.has(address)).toBe(false));

  it.each(['10.0.0.0/33', '::/129', '10.0.0.0/', '10.0.0.0/8/8', '10.0.0.0/-1', '10.0.0.0/8x', 'localhost', '*', '::ffff:10.0.0.0/104'])(
    'takes no %j',
    (entry) => expect(entryProblem(entry)).toEqual(expect.any(String)),
  );
});

describe('behind proxies', () => {
  const trusted = new AddressList(['127.0.0.1', '10.0.0.0/8', 'fd00::/8']);

  it.each([
    ['no header: the peer', '127.0.0.1', '', '', '127.0.0.1'],
    ['one proxy', '127.0.0.1', '', '203.0.113.9', '203.0.113.9'],
    ['what the client put before is not reached', '127.0.0.1', '', '6.6.6.6, 203.0.113.9', '203.0.113.9'],
    ['several proxies', '127.0.0.1', '', '6.6.6.6, 203.0.113.9, 10.1.1.1,10.2.2.2', '203.0.113.9'],
    ['all trusted: the left-most', '127.0.0.1', '', '10.1.1.1, 10.2.2.2', '10.1.1.1'],
    ['nobody trusted', '203.0.113.9', '', '6.6.6.6', '203.0.113.9'],
    ['nobody trusted, with a PROXY header', '203.0.113.9', '6.6.6.6', '7.7.7.7', '203.0.113.9'],
    ['a PROXY header', '10.0.0.1', '203.0.113.9', '', '203.0.113.9'],
    ['a PROXY header of a client that forges the other', '10.0.0.1', '203.0.113.9', '6.6.6.6', '203.0.113.9'],
    ['a PROXY header of a proxy that speaks for others', '10.0.0.1', '10.0.0.2', '6.6.6.6, 203.0.113.9', '203.0.113.9'],
    ['IPv6', 'fd00::1', '', '2001:DB8:0:0::9', '2001:db8::9'],
    ['with ports', '127.0.0.1', '', '[2001:db8::9]:4711, 10.0.0.3:80', '2001:db8::9'],
    ['IPv4 as IPv6', '127.0.0.1', '', '::ffff:203.0.113.9', '203.0.113.9'],
    ['malformed: the peer', '127.0.0.1', '', 'unknown', '127.0.0.1'],
    ['malformed among good ones: the peer', '127.0.0.1', '', '203.0.113.9, <script>, 10.0.0.4', '127.0.0.1'],
    ['malformed where it does not count', '127.0.0.1', '', '<script>, 203.0.113.9', '203.0.113.9'],
    ['an empty word', '127.0.0.1', '', '203.0.113.9,', '127.0.0.1'],
  ])('%s', (_, peer, proxied, forwardedFor, address) =>
    expect(clientAddress(peer, proxied, forwardedFor, trusted)).toBe(address),
  );
});

describe('a request', () => {
  let lone: LoneFront;
  afterEach(() => lone.close());

  const post = (headers: string, before: Uint8Array = new Uint8Array()): Promise<unknown> =>
    askHttp(lone.url, Buffer.concat([before, Buffer.from(`POST /matchmake/create/duel HTTP/1.1\r\nHost: x\r\n${headers}\r\n`)]));

  /** PROXY protocol version 2, TCP over IPv4. */
  const proxyHeader = (address: string): Uint8Array =>
    Buffer.from([
      0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a, 0x21, 0x11, 0, 12,
      ...address.split('.').map(Number), 127, 0, 0, 1, 0x10, 0, 0x0a, 0x07,
    ]);

  it('that forges either header is told from its own address, and the host hears of it once', async () => {
    lone = await LoneFront.listen();
    await post('X-Forwarded-For: 203.0.113.9\r\n');
    await post('X-Forwarded-For: 203.0.113.9\r\n', proxyHeader('203.0.113.8'));
    await post('', proxyHeader('203.0.113.8'));
    expect(lone.reservations.map(({ request }) => request.address)).toEqual(['127.0.0.1', '127.0.0.1', '127.0.0.1']);
    expect(lone.proxiesIgnored).toEqual(['127.0.0.1']);
  });

  it('of a trusted proxy is from the client that it names, though the client sent such a header first', async () => {
    lone = await LoneFront.listen({ trustedProxies: ['127.0.0.1'] });
    await post('X-Forwarded-For: 203.0.113.9\r\n');
    await post('X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 203.0.113.9\r\n');
    await post('', proxyHeader('203.0.113.8'));
    expect(lone.reservations.map(({ request }) => request.address)).toEqual(['203.0.113.9', '203.0.113.9', '203.0.113.8']);
    expect(lone.proxiesIgnored).toEqual([]);
  });
});
