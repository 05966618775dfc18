/** The second demo's page: straight into the swarm, and the loop that draws it. */
import { cleanName } from '../../arena-names.js';
import { swarmSize } from '../../swarm-rules.js';
import { Camera } from '../camera.js';
import { closeMeaning } from '../close-meanings.js';
import { Controls } from '../controls.js';
import { element } from '../element.js';
import { Overlay } from '../overlay.js';
import { rememberedName } from '../remembered-name.js';
import { RememberedSession } from '../remembered-session.js';
import { Sheet } from '../sheet.js';
import { SwarmGame, swarmFigures } from './swarm-game.js';
import { SwarmPainter } from './swarm-painter.js';
import { joinSwarm, resumeSwarm, type SwarmRoom } from './swarm-room.js';
import { openSwarmTestWindow } from './swarm-test-window.js';

/**
 * What the page shows:
 *
 *   joining --seat taken--> playing --session over--> lost
 *     ^  \_________________join refused______________/  |
 *     +-------------------- join again -----------------+
 *
 * A page that was loaded anew goes on with the session that its tab had, if that is still there. While the connection is lost
 * and the SDK brings it back, a note says so over the game.
 */
type View = 'joining' | 'playing' | 'lost';

/** World units that a window shows, as an area: the near circle whole, and most of the far one. */
const shownArea = 2300 * 1350;
/** How much a step of the mouse's wheel changes the view; a common wheel reports steps of 100. */
const zoomPerWheel = 0.0015;

const address = new URLSearchParams(location.search);
const name = cleanName(address.get('name') ?? rememberedName());

const camera = new Camera(swarmSize, shownArea);
const sheet = new Sheet(element<HTMLCanvasElement>('canvas'), camera);
const painter = new SwarmPainter(sheet, camera);
const controls = new Controls(element('canvas'), () => game?.handsChanged());
const overlay = new Overlay(element('overlay'), swarmFigures);

const session = new RememberedSession('swarm.session');

let game: SwarmGame | undefined;

function show(view: View): void {
  element('hud').hidden = view === 'joining';
  element('lost').hidden = view !== 'lost';
  if (view === 'lost') element('join-again').focus();
}

async function join(): Promise<void> {
  game = undefined;
  show('joining');
  let room: SwarmRoom;
  try {
    room = (await resumeSwarm(session.token, address)) ?? (await joinSwarm(name, address));
  } catch (error) {
    element('lost-title').textContent = 'Could not join';
    element('lost-reason').textContent = error instanceof Error ? error.message : String(error);
    element('lost-detail').textContent = '';
    show('lost');
    return;
  }
  const joined = new SwarmGame(room, camera, painter, controls, overlay, () => performance.now(), Math.random);
  game = joined;
  controls.release();
  session.follow(room);
  room.onDrop(() => (element('reconnecting').hidden = false));
  room.onReconnect(() => (element('reconnecting').hidden = true));
  room.onLeave((code, reason) => lose(joined, code, reason));
  show('playing');
}

function lose(lost: SwarmGame, code: number, reason: string): void {
  if (game !== lost) return;
  lost.end();
  element('reconnecting').hidden = true;
  element('lost-title').textContent = 'Connection lost';
  element('lost-reason').textContent = closeMeaning(code);
  element('lost-detail').textContent = `Close code ${code}: ${reason === '' ? 'no reason given' : reason}`;
  show('lost');
}

function draw(nowMs: number): void {
  requestAnimationFrame(draw);
  if (game === undefined) painter.draw(undefined, nowMs);
  else game.frame(nowMs);
}

element('join-again').addEventListener('click', () => void join());
addEventListener('resize', () => sheet.resize());
addEventListener('wheel', (event) => camera.zoomBy(Math.exp(-event.deltaY * zoomPerWheel)), { passive: true });

openSwarmTestWindow(() => game, painter, () => overlay.isVisible);
sheet.resize();
requestAnimationFrame(draw);
void join();
