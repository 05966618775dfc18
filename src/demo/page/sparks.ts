const sparksMax = 400;

/** Short-lived dots: hits, deaths and arrivals. Decoration only: nothing of the game depends on them. */
export class Sparks {
  private readonly x = new Float32Array(sparksMax);
  private readonly y = new Float32Array(sparksMax);
  private readonly vx = new Float32Array(sparksMax);
  private readonly vy = new Float32Array(sparksMax);
  private readonly bornMs = new Float64Array(sparksMax);
  private readonly lifeMs = new Float32Array(sparksMax).fill(0);
  private readonly hue = new Uint16Array(sparksMax);
  private next = 0;

  /** @param random uniform in [0, 1). */
  constructor(private readonly random: () => number) {}

  /** @param speed of the fastest spark, world units per second. */
  burst(x: number, y: number, hue: number, count: number, speed: number, nowMs: number): void {
    for (let n = 0; n < count; n += 1) {
      const direction = this.random() * 2 * Math.PI;
      const own = speed * (0.25 + 0.75 * this.random());
      const i = this.next;
      this.next = (i + 1) % sparksMax;
      this.x[i] = x;
      this.y[i] = y;
      this.vx[i] = Math.cos(direction) * own;
      this.vy[i] = Math.sin(direction) * own;
      this.bornMs[i] = nowMs;
      this.lifeMs[i] = 200 + 350 * this.random();
      this.hue[i] = hue;
    }
  }

  draw(ink: CanvasRenderingContext2D, nowMs: number): void {
    for (let i = 0; i < sparksMax; i += 1) {
      const age = (nowMs - this.bornMs[i]!) / this.lifeMs[i]!;
      if (!(age >= 0 && age < 1)) continue;
      // Slows down to a stop over its life: the integral of (1 - age).
      const flownSec = (age - (age * age) / 2) * (this.lifeMs[i]! / 1000);
      const size = 4.5 * (1 - age);
      ink.fillStyle = `hsla(${this.hue[i]!}, 100%, ${60 + 25 * (1 - age)}%, ${1 - age})`;
      const x = this.x[i]! + this.vx[i]! * flownSec;
      const y = this.y[i]! + this.vy[i]! * flownSec;
      ink.fillRect(x - size / 2, y - size / 2, size, size);
    }
  }
}
