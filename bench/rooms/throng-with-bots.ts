/** The larger room of the crowd bench: bots run among the players. */
import { BOTS } from '../throng-game.js';
import ThrongRoom from './throng.js';

export default class ThrongWithBotsRoom extends ThrongRoom {
  static override bots = BOTS;
}
