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
  '.jpg': 'image/jpeg',
  '.jpeg': 'image/jpeg',
  '.webp': 'image/webp',
  '.gif': 'image/gif',
  '.mp3': 'audio/mpeg',
  '.ogg': 'audio/ogg',
  '.wav': 'audio/wav',
  '.wasm': 'application/wasm',
  '.txt': 'text/plain; charset=utf-8',
};

/** Of every other file, such as models and textures. */
const CONTENT_TYPE_DEFAULT = 'application/octet-stream';

/** Pages may load from their own origin only, and talk to any socket. */
const CONTENT_SECURITY_POLICY =
  "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self' ws: wss:; img-src 'self' data: blob:; " +
  "style-src 'self' 'unsafe-inline'";

interface StaticFile {
  readonly type: string;
  readonly body: Buffer;
}

export class StaticFiles {
  private readonly files = new Map<string, StaticFile>();

  /** Reads every file under `folder`, but for hidden ones. Throws what the file system throws. */
  constructor(folder: string) {
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || entry.name.startsWith('.')) continue;
      const type = CONTENT_TYPES[path.extname(entry.name).toLowerCase()] ?? CONTENT_TYPE_DEFAULT;
      const file = path.join(entry.parentPath, entry.name);
      const url = `/${path.relative(folder, file).split(path.sep).join('/')}`;
      this.files.set(url, { type, body: readFileSync(file) });
    }
  }

  /** @param headOnly tells all but the file itself */
  answer(res: HttpResponse, url: string, headOnly = false): void {
    const file = this.files.get(url) ?? this.files.get(url.endsWith('/') ? `${url}index.html` : `${url}/index.html`);
    if (file === undefined) {
      res.writeStatus('404 Not Found').writeHeader('Content-Type', 'text/plain');
      if (headOnly) res.endWithoutBody();
      else res.end('not found\n');
      return;
    }
    res.writeHeader('Content-Type', file.type);
    res.writeHeader('Cache-Control', 'no-cache');
    res.writeHeader('Content-Security-Policy', CONTENT_SECURITY_POLICY);
    res.writeHeader('X-Content-Type-Options', 'nosniff');
    // A length given to `endWithoutBody` would be waited for.
    if (headOnly) res.writeHeader('Content-Length', String(file.body.length)).endWithoutBody();
    else res.end(file.body);
  }
}
