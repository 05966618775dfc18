/** What options are accepted as that are more than a number. Undefined: refused, for the reason that the option's row has. */
import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { entryProblem } from '../front/address-list.js';
import { Refused, shown, type Candidate, type Checked } from './option-check.js';

export function acceptHost(value: unknown): string | undefined {
  return typeof value === 'string' && /^[A-Za-z0-9.:_%-]{1,253}$/.test(value) ? value : undefined;
}

/** `*`, or each origin exactly. */
export function acceptOrigins(candidate: Candidate): Checked<readonly string[] | '*'> | undefined {
  if (candidate.value === '*') return '*';
  return acceptList(candidate, (origin) => {
    const exact = URL.canParse(origin) ? new URL(origin).origin : undefined;
    if (exact !== undefined && exact !== 'null' && exact === origin) return null;
    return 'expected an origin, scheme://host[:port] in lower case with no path and no default port: '
      + (exact === undefined || exact === 'null' ? 'such as "https://play.example.com"' : `write "${exact}"`);
  });
}

/** IP addresses and networks. */
export function acceptAddresses(candidate: Candidate): Checked<readonly string[]> | undefined {
  return acceptList(candidate, (entry) => {
    const problem = entryProblem(entry);
    return problem === null ? null : `${problem}; expected such as "192.0.2.1", "10.0.0.0/8" or "2001:db8::/32"`;
  });
}

/**
 * An array of texts; as text, with commas between them, or `none`.
 *
 * @param problemOf of one element: what is expected of it, and the remedy; null when nothing is wrong with it
 */
function acceptList(
  { value, where, isText }: Candidate,
  problemOf: (element: string) => string | null,
): Checked<readonly string[]> | undefined {
  const list: unknown = isText && typeof value === 'string' ? wordsOf(value) : value;
  if (!Array.isArray(list)) return undefined;
  const problems = list.flatMap((element: unknown, index) => {
    const problem = typeof element === 'string' ? problemOf(element) : 'expected text';
    const place = isText ? `${where} has` : `${where}[${index}] is`;
    return problem === null ? [] : [`${place} ${shown(element)}; ${problem}`];
  });
  return problems.length > 0 ? new Refused(problems) : Object.freeze([...(list as string[])]);
}

function wordsOf(text: string): string[] {
  return text === 'none' ? [] : text.split(',').map((word) => word.trim());
}

export function acceptFolder(value: unknown): string | undefined {
  if (typeof value !== 'string' || value === '' || value.includes('\0')) return undefined;
  const folder = resolve(value);
  return statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true ? folder : undefined;
}

/** A file in PEM that can be read now. @param problemOf what is wrong with it; null when nothing is */
export function acceptPem({ value, where }: Candidate, problemOf: (file: string) => string | null): Checked<string> | undefined {
  if (typeof value !== 'string' || value === '' || value.includes('\0')) return undefined;
  const file = resolve(value);
  const problem = problemOf(file);
  return problem === null ? file : new Refused([`${where} is ${shown(value)}; ${problem}`]);
}

/** A URL that clients can be told to connect to, as ws or wss. */
export function acceptPublicUrl(value: unknown): string | undefined {
  if (typeof value !== 'string' || !/^(?:ws|http)s?:\/\//.test(value) || !URL.canParse(value)) return undefined;
  const { protocol, host, pathname, search, hash, username, password } = new URL(value);
  if (host === '' || search !== '' || hash !== '' || username !== '' || password !== '') return undefined;
  return `${protocol.replace('http', 'ws')}//${host}${pathname.replace(/\/+$/, '')}`;
}
