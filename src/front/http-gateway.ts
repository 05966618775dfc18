/**
 * The way in over HTTP, for backends, gateways and pages that list rooms:
 *
 * ```
 *   GET  /rooms?type=duel&limit=20&mode=ranked    200 { rooms: [{ roomId, type, clients, maxClients, ... }] }
 *   POST /matchmake/:method/:room                 200 { url, room, roomId, sessionId, ticket, expiresAt, expiresInMs }
 *        methods: joinOrCreate, create, join (of a room type), joinById (a room)
 *        Authorization: Bearer TOKEN, for onAuth; body: the join's options, a JSON object, or nothing
 *   any problem                                   4xx, 5xx { error: { code, message, field? } }; codes as the close codes
 * ```
 *
 * Pages of allowed origins may use it (CORS); others are refused as they are at the socket. Nothing of a request is kept, logged
 * or repeated but the name of a field.
 */
import type { HttpRequest, HttpResponse, TemplatedApp } from 'uWebSockets.js';
import { JoinMethod } from '../protocol/client-frames.js';
import { CloseCode } from '../protocol/close-codes.js';
import { checkJson, decodeOptions } from '../protocol/payload.js';
import type { Origination } from './client-address.js';
import { authRequestOf, type Door } from './door.js';
import type { FrontEvents, ReserveRequest, ReserveResult } from './front-events.js';
import { readBody } from './http-body.js';
import { HttpExchange, type HttpProblem } from './http-exchange.js';
import { clientUrl } from './public-url.js';
import { NAME } from './request-limits.js';
import { readRoomListQuery } from './room-list-query.js';

const METHODS: ReadonlyMap<string, JoinMethod> = new Map([
  ['joinOrCreate', JoinMethod.JoinOrCreate],
  ['create', JoinMethod.Create],
  ['join', JoinMethod.Join],
  ['joinById', JoinMethod.JoinById],
]);

/** RFC 6750, 2.1. What a token may hold is left to who reads it. */
const BEARER = /^Bearer +([\x21-\x7e]+)$/i;
const JSON_TYPE = /^application\/json *(?:;|$)/i;

/** What a page has to ask again for, in seconds. */
const PREFLIGHT_SEC = 600;

/** After how long a client may ask again that was told to, without a better reason. */
const RETRY_AFTER_SEC = 1;

/** What the gateway knows of the front. */
export interface GatewayFront {
  readonly payloadBytesMax: number;
  readonly publicUrl: string | undefined;
  readonly isTls: boolean;
  /** Where the front listens: host:port. */
  ownHost(): string;
  isClosing(): boolean;
}

export class HttpGateway {
  constructor(
    private readonly front: GatewayFront,
    private readonly door: Door,
    private readonly events: Pick<FrontEvents, 'reserve' | 'list'>,
  ) {}

  addRoutes(app: TemplatedApp): void {
    const roomsPath = '/rooms';
    const seatPath = '/matchmake/:method/:room';
    app.get(roomsPath, (res, req) => this.list(res, req));
    app.post(seatPath, (res, req) => this.reserve(res, req));
    app.options(roomsPath, (res, req) => this.preflight(res, req, 'GET'));
    app.options(seatPath, (res, req) => this.preflight(res, req, 'POST'));
    app.any(roomsPath, (res, req) => this.wrongMethod(res, req, 'GET'));
    app.any(seatPath, (res, req) => this.wrongMethod(res, req, 'POST'));
    // Before the static files of GET /*.
    app.get(seatPath, (res, req) => this.wrongMethod(res, req, 'POST'));
    for (const add of ['get', 'any'] as const) app[add]('/matchmake/*', (res, req) => this.unknown(res, req));
  }

  private list(res: HttpResponse, req: HttpRequest): void {
    const exchange = this.admit(res, req, this.door.originationOf(res, req));
    if (exchange === null) return;
    const query = readRoomListQuery(req.getQuery());
    if ('status' in query) exchange.problem(query);
    else exchange.json({ rooms: this.events.list(query) });
  }

  private reserve(res: HttpResponse, req: HttpRequest): void {
    const origination = this.door.originationOf(res, req);
    const exchange = this.admit(res, req, origination);
    if (exchange === null) return;
    const { payloadBytesMax, publicUrl, isTls } = this.front;
    const request = authRequestOf(req, origination.address);
    const url = clientUrl(publicUrl, req.getHeader('host'), isTls || origination.isTlsAtProxy, this.front.ownHost());
    const wish = wishOf(req);
    if ('status' in wish) {
      exchange.problem(wish, wish.status === 401 ? { 'WWW-Authenticate': 'Bearer' } : {});
      return;
    }
    const tooLarge = (): void => exchange.problem(tooLargeOf(payloadBytesMax), {}, true);
    if (Number(req.getHeader('content-length')) > payloadBytesMax) {
      tooLarge();
      return;
    }
    readBody(exchange, payloadBytesMax, {
      tooLarge,
      tooSlow: () => exchange.problem(TOO_SLOW, {}, true),
      complete: (body) => {
        const options = readOptions(body);
        if (options instanceof OptionsProblem) exchange.problem(options);
        else this.events.reserve({ ...wish, options, request }, (result) => answer(exchange, result, url));
      },
    });
  }

  private preflight(res: HttpResponse, req: HttpRequest, method: string): void {
    this.begin(res, req)?.empty({
      'Access-Control-Allow-Methods': method,
      'Access-Control-Allow-Headers': 'Authorization, Content-Type',
      'Access-Control-Max-Age': String(PREFLIGHT_SEC),
    });
  }

  private wrongMethod(res: HttpResponse, req: HttpRequest, method: string): void {
    const message = `this path takes ${method}, and OPTIONS of browsers`;
    this.begin(res, req)?.problem({ status: 405, code: CloseCode.Malformed, message }, { Allow: `${method}, OPTIONS` });
  }

  private unknown(res: HttpResponse, req: HttpRequest): void {
    const message = 'no such path; expected POST /matchmake/METHOD/ROOM';
    this.begin(res, req)?.problem({ status: 404, code: CloseCode.Malformed, message });
  }

  /** Null: refused, and answered. */
  private begin(res: HttpResponse, req: HttpRequest): HttpExchange | null {
    if (this.door.isOriginAllowed(req)) return new HttpExchange(res, req.getHeader('origin'));
    const message = 'this Origin is not in the list of allowed origins';
    new HttpExchange(res, '').problem({ status: 403, code: CloseCode.NotAllowed, message });
    return null;
  }

  /** Null: refused, and answered. */
  private admit(res: HttpResponse, req: HttpRequest, { address }: Origination): HttpExchange | null {
    const exchange = this.begin(res, req);
    if (exchange === null) return null;
    if (this.front.isClosing()) {
      const message = 'the server is shutting down';
      exchange.problem({ status: 503, code: CloseCode.MayRetry, message }, { 'Retry-After': String(RETRY_AFTER_SEC) });
      return null;
    }
    const tooMany = this.door.handshake(address);
    if (tooMany === null) return exchange;
    const { message, retryAfterSec } = tooMany;
    exchange.problem({ status: 429, code: CloseCode.RateExceeded, message }, { 'Retry-After': String(retryAfterSec) });
    return null;
  }
}

const TOO_SLOW: HttpProblem = {
  status: 408, code: CloseCode.Malformed, message: 'the body took longer than 10 seconds; send it at once',
};

function tooLargeOf(bytesMax: number): HttpProblem {
  const message = `a body over the limit; expected at most ${bytesMax} bytes`;
  return { status: 413, code: CloseCode.TooBig, message };
}

/** What a request's head asks for; its options are in the body. */
function wishOf(req: HttpRequest): Omit<ReserveRequest, 'options' | 'request'> | HttpProblem {
  const method = METHODS.get(req.getParameter(0) ?? '');
  const name = req.getParameter(1) ?? '';
  if (method === undefined) {
    const message = `no such method; expected one of ${[...METHODS.keys()].join(', ')}`;
    return { status: 404, code: CloseCode.Malformed, message, field: 'method' };
  }
  if (!NAME.test(name)) {
    const message = 'a room name or id is 1 to 64 letters, digits, _ or -';
    return { status: 400, code: CloseCode.Malformed, message, field: 'room' };
  }
  const authorization = req.getHeader('authorization');
  const token = authorization === '' ? '' : BEARER.exec(authorization)?.[1];
  if (token === undefined) {
    const message = 'the header Authorization is of another form; expected Bearer and a token';
    return { status: 401, code: CloseCode.NotAllowed, message };
  }
  const contentType = req.getHeader('content-type');
  if (contentType !== '' && !JSON_TYPE.test(contentType)) {
    const message = 'the header Content-Type is another; expected application/json, with a JSON object as the body';
    return { status: 415, code: CloseCode.Malformed, message };
  }
  const isById = method === JoinMethod.JoinById;
  return { method, type: isById ? '' : name, roomId: isById ? name : '', token };
}

class OptionsProblem implements HttpProblem {
  readonly status = 400;
  readonly code = CloseCode.Malformed;

  constructor(
    readonly message: string,
    readonly field: string | undefined,
  ) {}
}

function readOptions(body: Uint8Array): Record<string, unknown> | OptionsProblem {
  try {
    return decodeOptions(body);
  } catch (error) {
    return new OptionsProblem(`options: ${(error as Error).message}`, fieldToBlame(body));
  }
}

/** The field of refused options that they were refused for; undefined when they are no object at all. */
function fieldToBlame(body: Uint8Array): string | undefined {
  let options: unknown;
  try {
    options = JSON.parse(Buffer.from(body).toString());
  } catch {
    return undefined;
  }
  if (typeof options !== 'object' || options === null || Array.isArray(options)) return undefined;
  return Object.entries(options).find(([key, value]) => {
    try {
      // As the only one, so that its name is looked at too.
      checkJson(Object.fromEntries([[key, value]]), 0);
      return false;
    } catch {
      return true;
    }
  })?.[0];
}

/** @returns whether anybody waits for it */
function answer(exchange: HttpExchange, result: ReserveResult, url: string): boolean {
  if (exchange.over) return false;
  if (result.ok) {
    const { room, roomId, sessionId, ticket, expiresAtMs, expiresInMs } = result;
    exchange.json({ url, room, roomId, sessionId, ticket, expiresAt: expiresAtMs, expiresInMs });
    return true;
  }
  const { status, code, reason, field } = result;
  const headers: Record<string, string> = {};
  if (status === 429 || status === 503) headers['Retry-After'] = String(RETRY_AFTER_SEC);
  if (status === 401) headers['WWW-Authenticate'] = 'Bearer';
  exchange.problem({ status, code, message: reason, field }, headers);
  return true;
}
