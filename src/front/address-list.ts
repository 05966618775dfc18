/** IP addresses as the server compares them, and lists of them with their networks. */
import { BlockList, isIP, SocketAddress } from 'node:net';

const PREFIX = /^\d{1,3}$/;
const MAPPED = '::ffff:';

/**
 * An address in its one form: IPv4 with dots, IPv6 compressed and in lower case (RFC 5952), and IPv4 in IPv6's clothes
 * (`::ffff:192.0.2.1`, as a socket of both kinds has it) as IPv4. Null for what is no address, or has a zone (`fe80::1%eth0`).
 */
export function plainAddress(text: string): string | null {
  const version = isIP(text);
  if (version === 4) return text;
  if (version === 0 || text.includes('%')) return null;
  const { address } = new SocketAddress({ address: text, family: 'ipv6' });
  return address.startsWith(MAPPED) && isIP(address.slice(MAPPED.length)) === 4 ? address.slice(MAPPED.length) : address;
}

/**
 * Whom a limit counts as one: an IPv4 address, or the first 64 bits of an IPv6 address, as that is what one household or
 * server is given. `address` as `plainAddress` has it.
 */
export function limitKey(address: string): string {
  if (!address.includes(':')) return address;
  const [head = '', tail] = address.split('::');
  const first = head === '' ? [] : head.split(':');
  const last = tail === undefined || tail === '' ? [] : tail.split(':');
  // An address may end in IPv4 with dots, which stands for two groups; but never within the first four.
  const lastCount = last.length + (last.at(-1)?.includes('.') === true ? 1 : 0);
  const groups = [...first, ...new Array<string>(Math.max(0, 8 - first.length - lastCount)).fill('0'), ...last];
  return groups.slice(0, 4).join(':');
}

/** Addresses and networks. */
export class AddressList {
  private readonly list = new BlockList();
  readonly isEmpty: boolean;

  /** @param entries each without an `entryProblem` */
  constructor(entries: readonly string[]) {
    this.isEmpty = entries.length === 0;
    for (const entry of entries) {
      const [address = '', bits] = entry.split('/');
      const family = isIP(address) === 4 ? 'ipv4' : 'ipv6';
      if (bits === undefined) {
        const plain = plainAddress(address)!;
        this.list.addAddress(plain, isIP(plain) === 4 ? 'ipv4' : 'ipv6');
      } else {
        this.list.addSubnet(address, Number(bits), family);
      }
    }
  }

  /** `address` as `plainAddress` has it; what is no address is in no list. */
  has(address: string): boolean {
    if (this.isEmpty) return false;
    const version = isIP(address);
    return version !== 0 && this.list.check(address, version === 4 ? 'ipv4' : 'ipv6');
  }
}

/** Why a text can't stand in an `AddressList`; null when it can: `192.0.2.1`, `10.0.0.0/8`, `2001:db8::1`, `fd00::/8`. */
export function entryProblem(entry: string): string | null {
  const [address = '', bits, more] = entry.split('/');
  const plain = more === undefined ? plainAddress(address) : null;
  if (plain === null) return 'not an IP address or network';
  if (bits === undefined) return null;
  if (isIP(address) === 6 && isIP(plain) === 4) return 'a network of IPv4 addresses written as IPv6: write it as IPv4';
  const bitsMax = isIP(plain) === 4 ? 32 : 128;
  return PREFIX.test(bits) && Number(bits) <= bitsMax ? null : `a network with a prefix that isn't 0 to ${bitsMax}`;
}
