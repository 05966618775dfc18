import { readdirSync, statSync } from 'node:fs';
import { extname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { refuse, Refused, shown, type Checked } from './option-check.js';

/** What a room may be called. Names travel in URLs, logs and metrics, so nothing in them ever needs escaping. */
export const ROOM_NAME = /^[A-Za-z0-9_-]{1,64}$/;
export const ROOM_NAME_EXPECTED = '1 to 64 letters, digits, "_" or "-"';

/** Room modules by room name, as `file:` URLs. The object has no prototype: `__proto__` is a valid name. */
export type RoomModules = Readonly<Record<string, string>>;

const FOLDER_EXPECTED = 'a folder with at least one .js or .mjs module';
const FOLDER_REMEDY = 'give the folder of compiled room modules, or leave it out for the bundled demo';

/**
 * Reads a folder of compiled room modules. Each `.js` or `.mjs` file directly in it is one room, named as the file;
 * folders, other files and files whose name begins with a dot are passed over. Modules are not loaded here.
 *
 * @param path folder, relative to the working directory
 * @param where how problems name the option that gave it
 */
export function readRoomFolder(path: string, where: string): Checked<RoomModules> {
  const folder = resolve(path);
  let files: string[];
  try {
    if (!statSync(folder).isDirectory()) return refuse(where, path, `${FOLDER_EXPECTED}, it is a file`, FOLDER_REMEDY);
    files = readdirSync(folder).filter((file) => isModule(folder, file)).sort();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const why = code === 'ENOENT' || code === 'ENOTDIR' ? 'nothing is at that path' : `it cannot be read (${code})`;
    return refuse(where, path, `${FOLDER_EXPECTED}, ${why}`, FOLDER_REMEDY);
  }
  if (files.length === 0) return refuse(where, path, `${FOLDER_EXPECTED}, it has none`, FOLDER_REMEDY);

  const modules = Object.create(null) as Record<string, string>;
  const problems: string[] = [];
  for (const file of files) {
    const name = file.slice(0, -extname(file).length);
    if (!ROOM_NAME.test(name)) {
      problems.push(`${where} has the module ${shown(file)}; expected a file name of ${ROOM_NAME_EXPECTED} before `
        + 'its extension, as it is the room\'s name: rename it, or move it to a folder of its own');
    } else if (name in modules) {
      problems.push(`${where} has two modules for the room ${shown(name)}; expected one: remove ${name}.js `
        + `or ${name}.mjs`);
    } else {
      modules[name] = pathToFileURL(join(folder, file)).href;
    }
  }
  return problems.length > 0 ? new Refused(problems) : Object.freeze(modules);
}

function isModule(folder: string, file: string): boolean {
  // A dangling link has no entry to look at; it is passed over like any other file that is no module.
  return /^[^.].*\.m?js$/.test(file) && statSync(join(folder, file), { throwIfNoEntry: false })?.isFile() === true;
}

/**
 * Checks the `rooms` option of an embedded server and turns every module into a URL. Modules are not loaded here.
 *
 * @returns undefined when it is no object of modules at all, or has none
 */
export function acceptRooms(value: unknown, where: string): Checked<RoomModules> | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof URL) return undefined;
  const modules = Object.create(null) as Record<string, string>;
  const problems: string[] = [];
  for (const [name, module] of Object.entries(value)) {
    const href = moduleHref(module);
    if (!ROOM_NAME.test(name)) {
      problems.push(`${where} has the name ${shown(name)}; expected ${ROOM_NAME_EXPECTED}: rename the room`);
    } else if (href === undefined) {
      problems.push(`${where}.${name} is ${shown(module instanceof URL ? module.href : module)}; expected a file: or `
        + 'data: URL, or a path: give the compiled module, such as new URL(\'./arena.js\', import.meta.url)');
    } else {
      modules[name] = href;
    }
  }
  if (problems.length > 0) return new Refused(problems);
  return Object.keys(modules).length === 0 ? undefined : Object.freeze(modules);
}

function moduleHref(module: unknown): string | undefined {
  if (module instanceof URL || (typeof module === 'string' && /^[a-z][a-z0-9+.-]+:/i.test(module))) {
    const href = String(module);
    return /^(file|data):/i.test(href) ? href : undefined;
  }
  return typeof module === 'string' && module !== '' && !module.includes('\0')
    ? pathToFileURL(resolve(module)).href
    : undefined;
}
