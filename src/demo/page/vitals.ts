import { healthMax } from '../arena-rules.js';
import { element } from './element.js';
import { healthColor } from './figure.js';

/** The own player's health and score, and the wait for the next life. */
export class Vitals {
  private readonly bar = element('health-bar');
  private readonly healthText = element('health-text');
  private readonly scoreText = element('score-text');
  private readonly respawn = element('respawn');
  private shown = '';

  /** @param respawnInMs 0 while alive. */
  update(health: number, score: number, killer: string, respawnInMs: number): void {
    // Tenths of a second are all that the countdown shows.
    const tenths = Math.ceil(respawnInMs / 100);
    const next = `${health}/${score}/${tenths}/${killer}`;
    if (next === this.shown) return;
    this.shown = next;
    this.bar.style.transform = `scaleX(${health / healthMax})`;
    this.bar.style.background = healthColor(health);
    this.healthText.textContent = String(health);
    const count = document.createElement('b');
    count.textContent = String(score);
    this.scoreText.replaceChildren(count, score === 1 ? ' kill' : ' kills');
    this.respawn.hidden = tenths <= 0;
    const by = killer === '' ? 'You are down' : `${killer} got you`;
    this.respawn.textContent = `${by}\nBack in ${(tenths / 10).toFixed(1)} s`;
  }

  /** There is no next life: the connection is gone. */
  hideRespawn(): void {
    this.respawn.hidden = true;
  }
}
