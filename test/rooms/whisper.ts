/** A keeper that sends little: half a second goes by without a byte. */
import Keeper from './keeper.js';

export default class Whisper extends Keeper {
  static override tickRate = 10;
  static override snapshotRate = 2;
  static override reconnectGrace = 5;
}
