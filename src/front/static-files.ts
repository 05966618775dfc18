/** A folder of small static files, held in memory: the demo page, or a host program's own. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { HttpResponse } from 'uWebSockets.js';

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.map': 'application/json',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
};

/** Pages may load from their own origin only, and talk to any socket. */
const CONTENT_SECURITY_POLICY =
  "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data:; style-src 'self' 'unsafe-inline'";

interface StaticFile {
  readonly type: string;
  readonly body: Buffer;
}

export class StaticFiles {
  private readonly files = new Map<string, StaticFile>();

  /** Reads every file of a known type under `folder`. Throws what the file system throws. */
  constructor(folder: string) {
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      const type = CONTENT_TYPES[path.extname(entry.name)];
      if (!entry.isFile() || type === undefined) continue;
      const file = path.join(entry.parentPath, entry.name);
      const url = `/${path.relative(folder, file).split(path.sep).join('/')}`;
      this.files.set(url, { type, body: readFileSync(file) });
    }
  }

  answer(res: HttpResponse, url: string): void {
    const file = this.files.get(url) ?? this.files.get(url.endsWith('/') ? `${url}index.html` : `${url}/index.html`);
    if (file === undefined) {
      res.writeStatus('404 Not Found').writeHeader('Content-Type', 'text/plain').end('not found\n');
      return;
    }
    res.writeHeader('Content-Type', file.type);
    res.writeHeader('Cache-Control', 'no-cache');
    res.writeHeader('Content-Security-Policy', CONTENT_SECURITY_POLICY);
    res.writeHeader('X-Content-Type-Options', 'nosniff');
    res.end(file.body);
  }
}
