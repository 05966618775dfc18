/** The player's name, kept in the browser; both demos ask for it once. */

const nameKey = 'arena.name';

/** Storage may be forbidden; then the name is asked for every time. */
export function rememberedName(): string {
  try {
    return localStorage.getItem(nameKey) ?? '';
  } catch {
    return '';
  }
}

export function rememberName(name: string): void {
  try {
    localStorage.setItem(nameKey, name);
  } catch {
    // As above.
  }
}
