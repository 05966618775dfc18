/**
 * Text of HTML and SVG in which whatever is interpolated is escaped, so that no place can forget to: figures come from files,
 * and a note or the name of a processor may hold any character.
 */

/** What needs no escaping any more. Made by `markup` and `trusted` alone. */
export class Markup {
  constructor(readonly text: string) {}
}

type Interpolated = string | number | Markup | readonly Markup[] | undefined;

/** markup`<p>${anything}</p>`: strings and numbers are escaped, `undefined` is left out. */
export function markup(strings: TemplateStringsArray, ...values: readonly Interpolated[]): Markup {
  let text = strings[0]!;
  values.forEach((value, i) => (text += escaped(value) + strings[i + 1]!));
  return new Markup(text);
}

/** For constants of this program that are markup already, such as style sheets. */
export function trusted(text: string): Markup {
  return new Markup(text);
}

function escaped(value: Interpolated): string {
  if (value === undefined) return '';
  if (value instanceof Markup) return value.text;
  if (typeof value === 'object') return value.map(({ text }) => text).join('');
  return String(value).replace(FORBIDDEN, '\ufffd').replace(SPECIAL, (character) => ENTITIES[character]!);
}

/** XML has no way to write these at all, escaped or not: one of them, and no viewer shows the picture. */
const FORBIDDEN = /[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\p{Surrogate}]/gu;
const SPECIAL = /[&<>"']/g;
const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
