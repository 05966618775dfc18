/** The line to type into: Enter opens it, Enter sends, Escape closes. */
export class ChatBox {
  constructor(
    private readonly form: HTMLFormElement,
    private readonly text: HTMLInputElement,
    private readonly canOpen: () => boolean,
    private readonly send: (line: string) => void,
  ) {
    addEventListener('keydown', (event) => this.keyDown(event));
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      const line = text.value.trim();
      if (line !== '') this.send(line);
      this.close();
    });
    text.addEventListener('blur', () => this.close());
  }

  close(): void {
    if (this.form.hidden) return;
    this.form.hidden = true;
    this.text.value = '';
    this.text.blur();
  }

  private keyDown(event: KeyboardEvent): void {
    if (event.code === 'Escape') this.close();
    if (event.key !== 'Enter' || !this.form.hidden || !this.canOpen()) return;
    event.preventDefault(); // the same key press would send the empty line
    this.form.hidden = false;
    this.text.focus();
  }
}
