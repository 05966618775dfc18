/** SIGTERM: clients are told, rooms save while they still tick, and nothing takes longer than the deadline. */
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { connect } from 'escapement/client';
import { once } from './support/fragile-client.js';
import { ServerProcess } from './support/server-process.js';
import { ROOMS_FOLDER } from './support/setup.js';

function saveFile(): string {
  return path.join(mkdtempSync(path.join(tmpdir(), 'escapement-')), 'save');
}

it('a room saves before it ends; clients hear of it, then are closed with 4001', async () => {
  const server = await ServerProcess.start({ args: ['--rooms', ROOMS_FOLDER] });
  const file = saveFile();
  const room = await connect(server.url).create('saver', { file, saveMs: 300 });
  const told = once(room.onShutdown.bind(room));
  const saving = once((callback: () => void) => room.onMessage('saving', callback));
  const left = once(room.onLeave.bind(room));
  const exited = server.stop();
  const [reason, deadlineMs] = await told;
  expect(reason).toContain('shutting down');
  expect(deadlineMs).toBeGreaterThan(0);
  await saving;
  await expect(connect(server.url).joinOrCreate('saver', { file, saveMs: 0 })).rejects.toMatchObject({ code: 4010 });
  expect((await left)[0]).toBe(4001);
  expect((await exited).code).toBe(0);
  expect(readFileSync(file, 'utf8')).toBe('saved after more ticks\ndisposed\n');
});

it('a room that never has saved is ended at the deadline', async () => {
  const server = await ServerProcess.start({ args: ['--rooms', ROOMS_FOLDER, '--drain-timeout-ms', '500'] });
  const file = saveFile();
  const room = await connect(server.url).create('saver', { file, saveMs: 3_600_000 });
  const left = once(room.onLeave.bind(room));
  const exited = server.stop();
  expect((await left)[0]).toBe(4001);
  expect((await exited).code).toBe(0);
  expect(readFileSync(file, 'utf8')).toBe('disposed\n');
});
