/**
 * A POST of JSON that costs its process as little as it can, as LoadSocket's frames do: for matchmakers that give seats
 * over HTTP. It has a connection of its own, as each player's has, which ends with it.
 */
import { connect } from 'node:net';

export interface PostAnswer {
  readonly status: number;
  readonly text: string;
}

/** @throws when there is no answer, or one that doesn't say its length: those of uWebSockets.js and Node's http do. */
export function post(url: string, path: string, body: string): Promise<PostAnswer> {
  const { host, hostname, port } = new URL(url);
  const head = [
    `POST ${path} HTTP/1.1`,
    `Host: ${host}`,
    'Connection: close',
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  return new Promise((resolve, reject) => {
    const tcp = connect({ host: hostname, port: Number(port), noDelay: true });
    let received = '';
    // Bytes as they are: an answer's length counts those.
    tcp.setEncoding('latin1');
    tcp.on('connect', () => tcp.write(`${head.join('\r\n')}\r\n\r\n${body}`));
    tcp.on('data', (text: string) => {
      received += text;
      const answer = answerOf(received);
      if (answer === null) return;
      resolve(answer);
      tcp.destroy();
    });
    tcp.on('error', reject);
    // After an answer, nobody hears of it.
    tcp.on('close', () => reject(new Error(`${host} ended the connection without an answer to ${path}: ${received}`)));
  });
}

/** Null while it isn't all there. */
function answerOf(received: string): PostAnswer | null {
  const headEnd = received.indexOf('\r\n\r\n');
  if (headEnd < 0) return null;
  const length = /^content-length: *(\d+)/im.exec(received.slice(0, headEnd))?.[1];
  const bodyAt = headEnd + 4;
  if (length === undefined || received.length < bodyAt + Number(length)) return null;
  const text = Buffer.from(received.slice(bodyAt, bodyAt + Number(length)), 'latin1').toString();
  return { status: Number(received.split(' ', 2)[1]), text };
}
