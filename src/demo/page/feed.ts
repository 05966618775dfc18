const linesMax = 6;
const fadeMs = 500;

/** A list of short-lived lines, newest last. Names and texts come from other players: they only ever become text. */
export class Feed {
  constructor(private readonly list: HTMLElement, private readonly lineTtlMs: number) {}

  /** Adds a line of plain texts and names. */
  add(parts: readonly (string | FeedName)[], isMine = false): void {
    const line = document.createElement('li');
    line.classList.toggle('mine', isMine);
    for (const part of parts) {
      if (typeof part === 'string') {
        line.append(part);
        continue;
      }
      const name = document.createElement('b');
      name.textContent = part.name;
      name.classList.toggle('me', part.isMe);
      line.append(name);
    }
    this.list.append(line);
    while (this.list.childElementCount > linesMax) this.list.firstElementChild!.remove();
    setTimeout(() => line.classList.add('old'), this.lineTtlMs);
    setTimeout(() => line.remove(), this.lineTtlMs + fadeMs);
  }

  clear(): void {
    this.list.replaceChildren();
  }
}

export interface FeedName {
  name: string;
  isMe: boolean;
}
