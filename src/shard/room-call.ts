/** Which methods of a room the program around the server may call by name. */
import { Room } from './room.js';

/** Names of hooks: the runner calls those, when it is their time. */
const HOOK_NAME = /^on[A-Z]/;

/**
 * The method of this name, of the room's class or one of those it extends, up to Room: no hook, no getter, no function that is
 * the value of a property, and none whose name begins with `_`.
 *
 * @throws Error that says why there is none
 */
export function callableMethod(room: Room, name: string): (...args: unknown[]) => unknown {
  if (name === 'constructor' || name.startsWith('_') || name.startsWith('#')) throw new Error(`${name} is private`);
  if (HOOK_NAME.test(name)) throw new Error(`${name} is a hook, or registers one; give the room a method of its own`);
  for (let each: object = Object.getPrototypeOf(room); each !== Object.prototype; each = Object.getPrototypeOf(each)) {
    const found = Object.getOwnPropertyDescriptor(each, name);
    if (found === undefined) {
      if (each === Room.prototype) break;
      continue;
    }
    if (typeof found.value === 'function') return found.value as (...args: unknown[]) => unknown;
    throw new Error(`${name} is no method of the room; give it one that returns what is asked for`);
  }
  throw new Error(`the room has no method ${name}`);
}
