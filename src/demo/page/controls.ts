import { stickFull } from '../arena-rules.js';

/** Keys by place on the keyboard, not by letter, so that WASD works on every layout. */
const steering: Readonly<Record<string, readonly [number, number]>> = {
  KeyW: [0, -1], ArrowUp: [0, -1],
  KeyS: [0, 1], ArrowDown: [0, 1],
  KeyA: [-1, 0], ArrowLeft: [-1, 0],
  KeyD: [1, 0], ArrowRight: [1, 0],
};

/** What the player's hands do: keys to a stick, the mouse to a place on the canvas and a trigger. */
export class Controls {
  /** The stick as inputs carry it, -127 to 127 each way; the length is at most 127. */
  dx = 0;
  dy = 0;
  /** The mouse, CSS pixels from the canvas's corner. */
  pointerX = 0;
  pointerY = 0;
  /** Space fires too, for hands that hold no mouse button. */
  get firing(): boolean {
    return this.isButtonDown || this.keys.has('Space');
  }
  /** Pulls of the trigger so far: how a click shorter than the time to the next input or frame is still seen. */
  pulls = 0;
  private isButtonDown = false;
  private readonly keys = new Set<string>();

  constructor(canvas: HTMLElement, private readonly onChange: () => void) {
    addEventListener('keydown', (event) => this.keyDown(event));
    addEventListener('keyup', (event) => this.keyUp(event));
    addEventListener('blur', () => this.release());
    canvas.addEventListener('pointerdown', (event) => this.pointerDown(event));
    addEventListener('pointerup', (event) => this.pointerUp(event));
    addEventListener('pointermove', (event) => this.pointTo(event));
    canvas.addEventListener('contextmenu', (event) => event.preventDefault());
  }

  /** Lets go of everything, as when the window loses the keyboard. */
  release(): void {
    this.keys.clear();
    this.isButtonDown = false;
    this.steer();
  }

  private keyDown(event: KeyboardEvent): void {
    const isTyping = event.target instanceof HTMLInputElement;
    if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
    const isOurs = event.code in steering || event.code === 'Space';
    const isOnButton = event.target instanceof HTMLButtonElement;
    if (!isOurs || isOnButton) return;
    event.preventDefault(); // arrows and space would scroll
    if (event.repeat) return;
    if (event.code === 'Space') this.pulls += 1;
    this.keys.add(event.code);
    this.steer();
  }

  private keyUp(event: KeyboardEvent): void {
    if (this.keys.delete(event.code)) this.steer();
  }

  private steer(): void {
    let x = 0;
    let y = 0;
    for (const key of this.keys) {
      x += steering[key]?.[0] ?? 0;
      y += steering[key]?.[1] ?? 0;
    }
    x = Math.sign(x);
    y = Math.sign(y);
    const length = x !== 0 && y !== 0 ? stickFull / Math.SQRT2 : stickFull;
    this.dx = Math.round(x * length);
    this.dy = Math.round(y * length);
    this.onChange();
  }

  private pointerDown(event: PointerEvent): void {
    this.pointTo(event);
    if (event.button !== 0) return;
    this.isButtonDown = true;
    this.pulls += 1;
    this.onChange();
  }

  private pointerUp(event: PointerEvent): void {
    if (event.button !== 0 || !this.isButtonDown) return;
    this.isButtonDown = false;
    this.onChange();
  }

  private pointTo(event: PointerEvent): void {
    this.pointerX = event.clientX;
    this.pointerY = event.clientY;
  }
}
