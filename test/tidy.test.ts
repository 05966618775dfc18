/** House rules, held by a test: who may import whom, who may read clocks, how long a file may be. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { REPOSITORY } from './support/server-process.js';

/** Folder under src: the folders it may import from (besides itself) and the packages. */
const MAY_IMPORT: Readonly<Record<string, { folders: readonly string[]; packages: readonly string[]; node: boolean }>> = {
  state: { folders: [], packages: [], node: false },
  protocol: { folders: ['state'], packages: ['flatbuffers'], node: false },
  memory: { folders: [], packages: [], node: false },
  codec: { folders: ['state'], packages: [], node: false },
  client: { folders: ['codec', 'protocol', 'state'], packages: ['ws'], node: false },
  shard: { folders: ['codec', 'memory', 'protocol', 'state'], packages: ['pino'], node: true },
  front: { folders: ['memory', 'protocol', 'state'], packages: ['uWebSockets.js'], node: true },
  host: {
    folders: ['front', 'memory', 'protocol', 'state'],
    packages: ['jose', 'pino', 'pino-pretty', 'prom-client', 'piscina', 'uWebSockets.js'],
    node: true,
  },
};

/** The demo is a user of the package: its rooms import the barrel, its page the client. */
const DEMO_IMPORTS = /^(\.\.\/)+(index|client\/index)\.js$|^\.\.?\//;

/** Where threads begin, and so where time and chance come in. */
const ENTRY_FILES = [
  'server.ts',
  'host/create-server.ts',
  'shard/shard-thread.ts',
  'client/client.ts',
  'client/index.ts',
  'client/node.ts',
  'demo/page/arena-page.ts',
  'demo/page/swarm/swarm-page.ts',
];

const CLOCK_OR_CHANCE = /\bperformance\.now\b|\bDate\.now\b|\bnew Date\(\)|\bMath\.random\b|\bhrtime\b|\brandomBytes\(|\brandomInt\(/;
const LINES_MAX = 450;
const LINE_LENGTH_MAX = 130;

interface Source {
  readonly file: string;
  readonly text: string;
  readonly imports: readonly string[];
}

function sources(): Source[] {
  const root = path.join(REPOSITORY, 'src');
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.includes('generated'))
    .map((file) => {
      const text = readFileSync(path.join(root, file), 'utf8');
      const imports = [...text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map((match) => match[1]!);
      return { file, text, imports };
    });
}

const all = sources();

describe('tidy', () => {
  it('finds the sources', () => {
    expect(all.length).toBeGreaterThan(40);
  });

  it('folders import only what their thread may', () => {
    const broken: string[] = [];
    for (const { file, imports } of all) {
      const folder = file.split('/')[0]!;
      const rule = MAY_IMPORT[folder];
      if (rule === undefined) continue;
      for (const name of imports) {
        if (name.startsWith('.')) {
          const target = path.join(path.dirname(file), name).split('/')[0]!;
          if (target !== folder && !rule.folders.includes(target)) broken.push(`${file} imports ${name}`);
        } else if (name.startsWith('node:')) {
          if (!rule.node) broken.push(`${file} imports ${name}`);
        } else if (!rule.packages.includes(name)) {
          broken.push(`${file} imports ${name}`);
        }
      }
    }
    expect(broken).toEqual([]);
  });

  it('only the front and the host that owns it know uWebSockets.js, and the host only its types', () => {
    const users = all.filter(({ imports }) => imports.includes('uWebSockets.js'));
    for (const { file, text } of users) {
      if (file.startsWith('front/')) continue;
      expect(file).toMatch(/^host\//);
      expect(text).toMatch(/import type \{[^}]*\} from 'uWebSockets\.js'/);
      expect(text).not.toMatch(/import \{[^}]*\} from 'uWebSockets\.js'/);
    }
    expect(users.length).toBeGreaterThan(0);
  });

  it('the demo uses what users have', () => {
    for (const { file, imports } of all.filter((each) => each.file.startsWith('demo/'))) {
      for (const name of imports) expect(name, file).toMatch(DEMO_IMPORTS);
    }
  });

  it('only thread entry files read clocks or randomness', () => {
    const readers = all.filter(({ text }) => CLOCK_OR_CHANCE.test(withoutComments(text))).map(({ file }) => file);
    expect(readers.filter((file) => !ENTRY_FILES.includes(file))).toEqual([]);
  });

  it('files have one noun', () => {
    const long = all.filter(({ text }) => text.split('\n').length > LINES_MAX).map(({ file }) => file);
    expect(long).toEqual([]);
    const wide = all.flatMap(({ file, text }) =>
      text.split('\n').flatMap((line, i) => (line.length > LINE_LENGTH_MAX ? [`${file}:${i + 1}`] : [])),
    );
    expect(wide).toEqual([]);
    expect(all.filter(({ file }) => /utils|helpers|common|misc/.test(file)).map(({ file }) => file)).toEqual([]);
  });
});

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/\/\/.*$/gm, '');
}
