/**
 * Finds what the tests need beyond `npm ci`, installs it where it may (Debian, as root or in CI), or says what to run.
 * Nothing is skipped when something is missing: the whole run fails, by name.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { TestProject } from 'vitest/node';

/** The peers of the benches, and the Node 22 that they run in. */
const PEERS_FOLDER = fileURLToPath(new URL('../../bench/peers/', import.meta.url));
const NODE_22 = `${PEERS_FOLDER}node_modules/node/bin/node`;
/** Where the compiled test rooms are, for --rooms. */
export const ROOMS_FOLDER = fileURLToPath(new URL('../.tmp/rooms/', import.meta.url));
const BROWSERS = ['chromium', 'chromium-browser', 'google-chrome'];
/** The one that has Debian's packages needn't be the first in the path. */
const PYTHONS = ['python3', '/usr/bin/python3'];
const DECODER_NEEDS = 'import flatbuffers';

declare module 'vitest' {
  interface ProvidedContext {
    chromium: string;
    nginx: string;
    node22: string;
    /** A Python 3 with the flatbuffers module. */
    python: string;
  }
}

export default async function setup(project: TestProject): Promise<void> {
  await compileRooms();
  project.provide('chromium', findOrInstall('chromium', () => firstPath(BROWSERS), 'chromium'));
  project.provide('nginx', findOrInstall('nginx', () => firstPath(['nginx', '/usr/sbin/nginx']), 'nginx'));
  project.provide('node22', findOrInstallPeers());
  // The heavy bench finds it by itself.
  findOrInstall('haproxy', () => firstPath(['haproxy', '/usr/sbin/haproxy']), 'haproxy');
  // The TLS tests find it by themselves.
  findOrInstall('openssl', () => pathOf('openssl'), 'openssl');
  const python = (): string | undefined => PYTHONS.map(pathOf).find((path) => path !== undefined && canImport(path));
  project.provide('python', findOrInstall('python3 with the module flatbuffers', python, 'python3 python3-flatbuffers'));
}

/** The tests' room modules, as a studio would have them: compiled, in a folder, importing `escapement`. */
async function compileRooms(): Promise<void> {
  const folder = fileURLToPath(new URL('../rooms/', import.meta.url));
  await build({
    entryPoints: [`${folder}*.ts`, `${folder}jobs/*.ts`],
    outbase: folder,
    outdir: ROOMS_FOLDER,
    format: 'esm',
    target: 'es2022',
  });
}

function pathOf(program: string): string | undefined {
  const found = spawnSync('sh', ['-c', `command -v ${program}`], { encoding: 'utf8' });
  return found.status === 0 ? found.stdout.trim() : undefined;
}

const firstPath = (programs: readonly string[]): string | undefined =>
  programs.map(pathOf).find((path) => path !== undefined);

const canImport = (python: string): boolean => spawnSync(python, ['-c', DECODER_NEEDS]).status === 0;

function findOrInstall(what: string, find: () => string | undefined, debianPackages: string): string {
  const found = find();
  if (found !== undefined) return found;
  const command = `apt-get update && apt-get install -y --no-install-recommends ${debianPackages}`;
  const isRoot = process.getuid?.() === 0;
  if (pathOf('apt-get') !== undefined && (isRoot || process.env.CI !== undefined)) {
    process.stdout.write(`tests need ${what}; installing: ${command}\n`);
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    execFileSync('sh', ['-c', isRoot ? command : `sudo -n sh -c '${command}'`], { stdio: 'inherit', env });
  }
  const installed = find();
  if (installed === undefined) {
    throw new Error(`tests need ${what}, which is not on this machine; install it: sudo sh -c '${command}'`);
  }
  return installed;
}

function findOrInstallPeers(): string {
  if (!existsSync(NODE_22)) {
    process.stdout.write('tests need Node 22 and the peers of the benches; installing them into bench/peers\n');
    execFileSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: PEERS_FOLDER, stdio: 'inherit' });
  }
  const version = spawnSync(NODE_22, ['--version'], { encoding: 'utf8' }).stdout ?? '';
  if (!version.startsWith('v22.')) {
    throw new Error(`tests need Node 22, but ${NODE_22} says ${JSON.stringify(version)}; run npm ci in bench/peers`);
  }
  return NODE_22;
}
