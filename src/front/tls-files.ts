/** A TLS certificate and its key, as files in PEM. */
import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';

export interface TlsFiles {
  /** The certificate, and after it those between it and the root. */
  readonly certFile: string;
  readonly keyFile: string;
}

const CERT_REMEDY = 'expected a certificate in PEM (-----BEGIN CERTIFICATE-----), and after it those of its issuers';
const KEY_REMEDY = 'expected a private key in PEM, without a passphrase (-----BEGIN PRIVATE KEY-----)';

/** Why a file can't be the certificate: what was seen and what is expected; null when it can. */
export function certProblem(certFile: string): string | null {
  return problemOf(() => readCert(certFile), CERT_REMEDY);
}

/** Why a file can't be the key; null when it can. */
export function keyProblem(keyFile: string): string | null {
  return problemOf(() => readKey(keyFile), KEY_REMEDY);
}

/** Why the two can't be used together, or one of them can't be used; null when they can. */
export function tlsProblem({ certFile, keyFile }: TlsFiles): string | null {
  const certReason = certProblem(certFile);
  if (certReason !== null) return `${certFile}: ${certReason}`;
  const keyReason = keyProblem(keyFile);
  if (keyReason !== null) return `${keyFile}: ${keyReason}`;
  try {
    if (readCert(certFile).checkPrivateKey(readKey(keyFile))) return null;
  } catch {
    // One of them was replaced between two readings.
  }
  return `${certFile} and ${keyFile} are not of one pair; expected the key that the certificate was issued for`;
}

function readCert(file: string): X509Certificate {
  return new X509Certificate(readFileSync(file));
}

function readKey(file: string): KeyObject {
  return createPrivateKey(readFileSync(file));
}

function problemOf(read: () => unknown, remedy: string): string | null {
  try {
    read();
    return null;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return 'there is no such file: correct the path';
    if (code === 'EACCES') return 'this user may not read the file: change its owner or its mode';
    if (code === 'EISDIR') return `a folder; ${remedy}`;
    return `not in the right form; ${remedy}`;
  }
}
