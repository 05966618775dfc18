/** `joinOrCreate<typeof Arena>` gives the client the room's own types, with nothing generated. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));

test('a client knows its room at compile time, and every misuse is an error', { timeout: 60_000 }, async () => {
  const options = '--ignoreConfig --noEmit --strict --module NodeNext --target ES2022 --lib ES2022,ESNext.SharedMemory,DOM';
  const args = [path('../node_modules/typescript/bin/tsc'), ...options.split(' '), '--types', 'node', '--skipLibCheck'];
  // Unused @ts-expect-error comments are errors too: what must not compile, doesn't.
  const result = await promisify(execFile)(process.execPath, [...args, path('./support/client-types.ts')], {
    cwd: path('..'),
  }).catch((error: { stdout: string }) => error);
  expect(result.stdout).toBe('');
});
