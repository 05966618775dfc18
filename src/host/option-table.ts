import { certProblem, keyProblem } from '../front/tls-files.js';
import { acceptAuth } from './auth-option.js';
import { logLevels } from './logger.js';
import { isLoopback, isPowerOfTwo, wholeNumber } from './option-check.js';
import { number, option, type OptionDescriptor } from './option-row.js';
import {
  acceptAddresses, acceptFolder, acceptHost, acceptOrigins, acceptPem, acceptPublicUrl,
} from './option-values.js';
import { acceptRooms, readRoomFolder } from './room-modules.js';

const RING_BYTES_MIN = 64 * 1024;
const RING_BYTES_MAX = 256 * 1024 * 1024;
const SHARDS_MAX = 64;

/** A connection's key has 20 bits for its place in the table. */
const CONNECTIONS_MAX = 2 ** 20 - 1;

/** A ticket is good for 15 seconds at most: whoever finds a lost one comes too late. */
const SEAT_TIMEOUT_MS_MAX = 15_000;

/**
 * A machine's own tools, and a proxy on it that isn't among the trusted ones, whose clients would all be held to the limits of
 * one. Clients of a trusted proxy have addresses of their own.
 */
const LIMIT_EXEMPT: readonly string[] = Object.freeze(['127.0.0.0/8', '::1']);

/**
 * A client that sends no inputs acknowledges every 250 ms, at the next snapshot: of 20 a second up to 300 ms later. 500
 * leave 200 for the way there and back, so that nobody lags who is merely far away.
 */
const LAG_LIMIT_MS_MIN = 500;

function ringBytes(key: 'ingressRingBytes' | 'egressRingBytes', about: string, fallback: number) {
  return number(key, {
    about, min: RING_BYTES_MIN, max: RING_BYTES_MAX, fallback, unit: ' bytes', accepts: isPowerOfTwo,
    expected: `a power of two from ${RING_BYTES_MIN} to ${RING_BYTES_MAX} bytes`,
    remedy: `choose one, such as ${fallback * 2}, or leave it out for ${fallback}`,
  });
}

/** Every option, in the order of the help text. */
export const optionTable: readonly OptionDescriptor[] = [
  number('port', {
    flag: 'port', env: 'PORT', about: 'port of the game, 0 for any free one', min: 0, max: 65535, fallback: 2567,
    unit: '', remedy: 'choose a free port, or leave it out for 2567',
  }),
  option<'host'>(
    {
      key: 'host', flag: 'host', env: 'HOST', valueName: 'ADDRESS', about: 'address to listen on',
      expected: 'an IP address or host name of this machine',
      remedy: 'use 127.0.0.1 for this machine only, or leave it out for 0.0.0.0 (every address)',
      defaultText: '0.0.0.0',
    },
    () => '0.0.0.0',
    ({ value }) => acceptHost(value),
  ),
  option<'shards'>(
    {
      key: 'shards', flag: 'shards', env: 'SHARDS', valueName: 'N',
      about: 'threads that run rooms; auto is one for each core but one, at least 1',
      expected: `"auto" or 1 to ${SHARDS_MAX}`,
      remedy: 'choose at most one for each core, or leave it out for auto', defaultText: 'auto',
    },
    autoShards,
    (candidate, cores) => candidate.value === 'auto' ? autoShards(cores) : wholeNumber(candidate, 1, SHARDS_MAX),
  ),
  option<'rooms'>(
    {
      key: 'rooms', flag: 'rooms', env: 'ROOMS', valueName: 'PATH',
      about: 'folder of compiled rooms; each file is a room of that name',
      expected: 'an object of room modules by room name', expectedText: 'a folder of compiled room modules',
      remedy: 'give at least one, such as { arena: new URL(\'./arena.js\', import.meta.url) }',
      defaultText: 'the bundled demo',
    },
    undefined,
    ({ value, where, isText }) => isText ? readRoomFolder(value as string, where) : acceptRooms(value, where),
  ),
  option<'adminPort'>(
    {
      key: 'adminPort', flag: 'admin-port', env: 'ADMIN_PORT', valueName: 'N',
      about: 'port of /metrics and /healthz, 0 for any free one, false for none', expected: '0 to 65535, or false',
      remedy: 'choose a free port, or leave it out for 9567', defaultText: '9567',
    },
    () => 9567,
    (candidate) => candidate.value === false || (candidate.isText && candidate.value === 'false')
      ? false
      : wholeNumber(candidate, 0, 65535),
  ),
  option<'adminHost'>(
    {
      key: 'adminHost', flag: 'admin-host', env: 'ADMIN_HOST', valueName: 'ADDRESS',
      about: 'address of the admin listener, loopback only',
      expected: 'a loopback address (127.0.0.1, ::1 or localhost), as the admin listener has no access token yet',
      remedy: 'leave it out for 127.0.0.1, and reach it from elsewhere through a tunnel '
        + '(ssh -L 9567:127.0.0.1:9567 HOST) or a proxy that asks who it is',
      defaultText: '127.0.0.1',
    },
    () => '127.0.0.1',
    ({ value }) => typeof value === 'string' && isLoopback(value) ? acceptHost(value) : undefined,
  ),
  option<'logLevel'>(
    {
      key: 'logLevel', flag: 'log-level', env: 'LOG_LEVEL', valueName: 'LEVEL',
      about: `least severe lines logged: ${logLevels.join(', ')}`, expected: `one of ${logLevels.join(', ')}`,
      remedy: 'choose one, or leave it out for info', defaultText: 'info',
    },
    () => 'info',
    ({ value }) => logLevels.find((level) => level === value),
  ),
  option<'publicUrl'>(
    {
      key: 'publicUrl', flag: 'public-url', env: 'PUBLIC_URL', valueName: 'URL',
      about: 'where clients that asked over HTTP are told to connect to',
      expected: 'a ws:, wss:, http: or https: URL without query and user, such as wss://play.example.com',
      remedy: 'correct it, or leave it out for the host that the client asked', defaultText: 'the host that was asked',
    },
    () => undefined,
    ({ value }) => acceptPublicUrl(value),
  ),
  option<'tlsCert'>(
    {
      key: 'tlsCert', flag: 'tls-cert', env: 'TLS_CERT', valueName: 'PATH',
      about: 'certificate in PEM, with those of its issuers; read again at SIGHUP', expected: 'the path of a file in PEM',
      remedy: 'correct the path, or leave it out for no TLS', defaultText: 'no TLS',
    },
    () => undefined,
    (candidate) => acceptPem(candidate, certProblem),
  ),
  option<'tlsKey'>(
    {
      key: 'tlsKey', flag: 'tls-key', env: 'TLS_KEY', valueName: 'PATH', about: 'private key of the certificate, in PEM',
      expected: 'the path of a file in PEM', remedy: 'correct the path, or leave it out for no TLS', defaultText: 'no TLS',
    },
    () => undefined,
    (candidate) => acceptPem(candidate, keyProblem),
  ),
  option<'trustedProxies'>(
    {
      key: 'trustedProxies', flag: 'trusted-proxies', env: 'TRUSTED_PROXIES', valueName: 'LIST',
      about: 'addresses or networks whose X-Forwarded-For and PROXY header are believed',
      expected: 'an array of IP addresses or networks, such as ["127.0.0.1", "10.0.0.0/8"]',
      expectedText: 'IP addresses or networks with commas between them, such as 127.0.0.1,10.0.0.0/8',
      remedy: 'list your proxies, or leave it out for none', defaultText: 'none',
    },
    () => Object.freeze([]),
    acceptAddresses,
  ),
  number('connectionsPerAddressMax', {
    flag: 'connections-per-address-max', env: 'CONNECTIONS_PER_ADDRESS_MAX', min: 1, max: CONNECTIONS_MAX, fallback: 32,
    about: 'sockets at once from one IPv4 address or IPv6 /64', unit: '',
  }),
  number('handshakesPerAddressPerSec', {
    flag: 'handshakes-per-address-per-sec', env: 'HANDSHAKES_PER_ADDRESS_PER_SEC', min: 1, max: 10_000, fallback: 10,
    about: 'upgrades and HTTP joins a second from one address, twice that at once', unit: ' a second',
  }),
  option<'limitExemptAddresses'>(
    {
      key: 'limitExemptAddresses', flag: 'limit-exempt-addresses', env: 'LIMIT_EXEMPT_ADDRESSES', valueName: 'LIST',
      about: 'addresses or networks that the limits per address don\'t hold',
      expected: 'an array of IP addresses or networks, such as ["192.0.2.0/24"]',
      expectedText: 'IP addresses or networks with commas between them, such as 192.0.2.0/24, or none',
      remedy: 'correct it, or leave it out for this machine only', defaultText: LIMIT_EXEMPT.join(','),
    },
    () => LIMIT_EXEMPT,
    acceptAddresses,
  ),
  option<'origins'>(
    {
      key: 'origins', flag: 'origins', env: 'ORIGINS', valueName: 'LIST', about: 'web origins allowed besides the server\'s own',
      expected: '"*" or an array of origins such as "https://play.example.com"',
      expectedText: '* or origins with commas between them, such as https://play.example.com',
      remedy: 'list each exactly, or leave it out for the server\'s own only', defaultText: 'none',
    },
    () => Object.freeze([]),
    acceptOrigins,
  ),
  option<'auth'>(
    {
      key: 'auth', about: 'who may come in, before a seat is taken',
      expected: 'a function (token, request) => auth, or { jwt: { secret } } or { jwt: { jwks } }',
      remedy: 'pass one of them, or leave it out for the onAuth of each room', defaultText: 'the onAuth of each room',
    },
    () => undefined,
    ({ value, where }) => acceptAuth(value, where),
  ),
  option<'publicDir'>(
    {
      key: 'publicDir', flag: 'public-dir', env: 'PUBLIC_DIR', valueName: 'PATH', about: 'folder of static files served at /',
      expected: 'the path of a folder that exists', remedy: 'correct the path, or leave it out to serve no files',
      defaultText: 'none',
    },
    () => undefined,
    ({ value }) => acceptFolder(value),
  ),
  number('reconnectGrace', {
    flag: 'reconnect-grace', env: 'RECONNECT_GRACE', min: 0, max: 3600, fallback: 20,
    about: 'seconds that the seat of a lost client is kept', unit: ' seconds',
  }),
  number('resumeBufferBytes', {
    about: 'messages kept for a client that hasn\'t said it has them', min: 4096, max: 16 * 1024 * 1024, fallback: 262144,
    unit: ' bytes',
  }),
  number('roomsMax', {
    flag: 'rooms-max', env: 'ROOMS_MAX', about: 'rooms at once', min: 1, max: 1_000_000, fallback: 10_000, unit: ' rooms',
  }),
  number('seatTimeoutMs', {
    about: 'time that a reserved seat waits for its ticket', min: 1000, max: SEAT_TIMEOUT_MS_MAX, fallback: SEAT_TIMEOUT_MS_MAX,
    unit: ' milliseconds',
  }),
  number('createTimeoutMs', {
    about: 'time that a room\'s onCreate may take', min: 1000, max: 300_000, fallback: 30_000, unit: ' milliseconds',
  }),
  number('drainTimeoutMs', {
    flag: 'drain-timeout-ms', env: 'DRAIN_TIMEOUT_MS', min: 0, max: 600_000, fallback: 5000,
    about: 'milliseconds that rooms have to save when the server stops', unit: ' milliseconds',
  }),
  number('payloadBytesMax', {
    flag: 'payload-bytes-max', env: 'PAYLOAD_BYTES_MAX', about: 'largest message accepted from a client, in bytes', min: 64,
    max: 65536, fallback: 4096, unit: ' bytes',
  }),
  number('messagesPerTickMax', {
    about: 'messages a client may send for each tick of its room, and never less than 10 a second', min: 1, max: 64,
    fallback: 2, unit: ' messages a tick',
  }),
  number('bytesPerSecMax', {
    about: 'bytes of messages a client may send', min: 1024, max: 16 * 1024 * 1024, fallback: 16384,
    unit: ' bytes a second',
  }),
  number('socketSoftBytes', {
    about: 'bytes waiting on a socket above which it is sent no snapshots', min: 4096, max: 16 * 1024 * 1024,
    fallback: 65536, unit: ' bytes',
  }),
  number('socketHardBytes', {
    about: 'bytes waiting on a socket at which it is closed', min: 8192, max: 64 * 1024 * 1024, fallback: 262144,
    unit: ' bytes',
  }),
  number('coalesceMs', {
    flag: 'coalesce-ms', env: 'COALESCE_MS', min: 0, max: 10, fallback: 2,
    about: 'longest that a received frame waits for others', unit: ' milliseconds',
  }),
  number('lagLimitMs', {
    flag: 'lag-limit-ms', env: 'LAG_LIMIT_MS', min: LAG_LIMIT_MS_MIN, max: 60_000, fallback: 1000,
    about: 'milliseconds a client may lag; then it gets no snapshots', unit: ' milliseconds',
  }),
  number('ackTimeoutMs', {
    flag: 'ack-timeout-ms', env: 'ACK_TIMEOUT_MS', min: LAG_LIMIT_MS_MIN, max: 300_000, fallback: 5000,
    about: 'milliseconds a client may acknowledge nothing; then it is closed', unit: ' milliseconds',
  }),
  number('idleTimeoutSec', {
    about: 'silence after which a socket is closed', min: 0, max: 960, fallback: 16, unit: ' seconds',
    accepts: (seconds) => seconds === 0 || seconds >= 8, expected: '0 (never) or 8 to 960 seconds',
  }),
  number('joinTimeoutMs', {
    about: 'time a new socket has to ask for a seat', min: 100, max: 60_000, fallback: 3000, unit: ' milliseconds',
  }),
  ringBytes('ingressRingBytes', 'ring from the front to each shard', 1024 * 1024),
  ringBytes('egressRingBytes', 'ring from each shard to the front', 4 * 1024 * 1024),
  number('connectionsMax', {
    flag: 'connections-max', env: 'CONNECTIONS_MAX', about: 'sockets at once', min: 1, max: CONNECTIONS_MAX,
    fallback: 100_000, unit: '',
  }),
  option<'seed'>(
    {
      key: 'seed', about: 'seed of the rooms\' random numbers', expected: '0 to 4294967295',
      remedy: 'choose a whole number in that range, or leave it out for a new one at each start', defaultText: 'new',
    },
    () => undefined,
    (candidate) => wholeNumber(candidate, 0, 2 ** 32 - 1),
  ),
] as unknown as readonly OptionDescriptor[];

function autoShards(cores: number): number {
  return Math.min(SHARDS_MAX, Math.max(1, cores - 1));
}
