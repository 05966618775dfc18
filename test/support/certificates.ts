/** TLS certificates for tests, made by openssl. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { REPOSITORY } from './server-process.js';

export class Certificates {
  private readonly folder: string;
  /** Where `use` puts a certificate and its key. */
  readonly certFile: string;
  readonly keyFile: string;

  constructor() {
    mkdirSync(`${REPOSITORY}test/.tmp`, { recursive: true });
    this.folder = mkdtempSync(`${REPOSITORY}test/.tmp/certificates-`);
    this.certFile = this.file('live.pem');
    this.keyFile = this.file('live.key');
  }

  /** A path in a folder of this test's own. */
  file(name: string): string {
    return path.join(this.folder, name);
  }

  /** Makes `NAME.pem` and `NAME.key`, for localhost and 127.0.0.1, signed by itself. */
  make(name: string): void {
    const args = [
      'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2',
      '-keyout', this.file(`${name}.key`), '-out', this.file(`${name}.pem`), '-subj', `/CN=${name}`,
      '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1',
    ];
    execFileSync('openssl', args, { stdio: 'pipe' });
  }

  /** Puts a certificate and its key where the server reads them. */
  use(name: string, key = name): void {
    copyFileSync(this.file(`${name}.pem`), this.certFile);
    copyFileSync(this.file(`${key}.key`), this.keyFile);
  }

  /** The certificate itself, to be trusted. */
  pem(name: string): string {
    return readFileSync(this.file(`${name}.pem`), 'utf8');
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }
}
