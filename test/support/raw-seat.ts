/** A client over a raw socket that has joined a room, or asks for it: it says anything, whenever it likes. */
import {
  encodeClientMessage, encodeJoin, encodeResume, type JoinFrame, type ResumeFrame,
} from '../../src/protocol/client-frames.js';
import { decodePayload, encodePayload } from '../../src/protocol/payload.js';
import {
  decodeJoined, decodeRefused, decodeRejected, decodeServerMessage, ServerFrameKind, ServerFrameReader, type JoinedFrame,
} from '../../src/protocol/server-frames.js';
import { frameOf, RawSocket } from './raw-socket.js';

const reader = new ServerFrameReader();
/** Every connection that has a seat. */
const seated = new Set<RawSocket>();

/** Cuts all that have a seat still. */
export function dropAll(): void {
  for (const raw of seated) raw.drop();
  seated.clear();
}

export function kindOf(frame: Uint8Array): ServerFrameKind {
  const problem = reader.read(frame);
  if (problem !== 0) throw new Error(`the server sent a malformed frame: ${problem}`);
  return reader.kind;
}

/** What a request for a seat comes to. */
export type Answer =
  | { readonly joined: JoinedFrame; readonly seat: RawSeat }
  | { readonly refused: { readonly code: number; readonly reason: string } }
  | { readonly closed: { readonly code: number; readonly reason: string } };

/** Sends the frame as the first of a connection. The connection is dropped unless it has a seat then. */
export async function ask(url: string, frame: Uint8Array): Promise<Answer> {
  const raw = new RawSocket(url, frameOf(frame));
  for (let said = await raw.next(); said !== null; said = await raw.next()) {
    const kind = kindOf(said);
    if (kind === ServerFrameKind.Joined) return { joined: decodeJoined(said), seat: new RawSeat(raw) };
    if (kind !== ServerFrameKind.Refused) continue;
    raw.drop();
    return { refused: decodeRefused(said) };
  }
  return { closed: await raw.ended };
}

export const askToJoin = (url: string, join: Partial<JoinFrame>): Promise<Answer> => ask(url, encodeJoin(join));

export const askToResume = (url: string, resume: Partial<ResumeFrame>): Promise<Answer> =>
  ask(url, encodeResume({ sessionId: '', token: '', received: 0, anew: false, ...resume }));

export class RawSeat {
  constructor(readonly raw: RawSocket) {
    seated.add(raw);
  }

  say(type: string, payload?: unknown): void {
    const { encoding, bytes } = encodePayload(payload);
    this.raw.send(encodeClientMessage(type, encoding, bytes));
  }

  /** The next frame of a kind; others are let go. @throws Error with the close when there is none */
  async next(kind: ServerFrameKind): Promise<Buffer> {
    for (let frame = await this.raw.next(); frame !== null; frame = await this.raw.next()) {
      if (kindOf(frame) === kind) return frame;
    }
    const { code, reason } = await this.raw.ended;
    throw new Error(`closed with ${code} ${reason}`);
  }

  /** The payload of the next message of a type. */
  async hear(type: string): Promise<any> {
    for (;;) {
      const message = decodeServerMessage(await this.next(ServerFrameKind.Message));
      if (message.type === type) return decodePayload(message.encoding, message.payload);
    }
  }

  async rejection(): Promise<{ type: string; field: string; reason: string }> {
    return decodeRejected(await this.next(ServerFrameKind.Rejected));
  }
}
