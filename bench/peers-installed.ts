/** The servers that others make, with their own packages: installed when a bench first asks for them, never with ours. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

// From dist/bench/bench/, where the compiled form of this file is.
const PEERS = fileURLToPath(new URL('../../../bench/peers/', import.meta.url));
/** Npm writes it last, once everything is there. */
const INSTALLED = `${PEERS}node_modules/.package-lock.json`;

/** @throws when they can't be installed, with what npm said. */
export function ensurePeers(): void {
  if (existsSync(INSTALLED)) return;
  console.log('  installing the peers (bench/peers, about 20 s) …');
  execFileSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel', 'error'], { cwd: PEERS, stdio: 'inherit' });
}
