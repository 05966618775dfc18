/** The demo's page: the way in, one game after another, and the loop that draws them. */
import { cleanName } from '../arena-names.js';
import { worldSize } from '../arena-rules.js';
import { joinArena, resumeArena, type ArenaRoom } from './arena-room.js';
import { Camera } from './camera.js';
import { ChatBox } from './chat-box.js';
import { closeMeaning } from './close-meanings.js';
import { Controls } from './controls.js';
import { element } from './element.js';
import { arenaFigures, Game } from './game.js';
import { Overlay } from './overlay.js';
import { Painter, type Scene } from './painter.js';
import { rememberedName, rememberName } from './remembered-name.js';
import { RememberedSession } from './remembered-session.js';
import { Sheet } from './sheet.js';
import { Sparks } from './sparks.js';
import { openTestWindow } from './test-window.js';
import { Tracers } from './tracers.js';

/**
 * What the page shows:
 *
 *   asking --name given--> joining --seat taken--> playing --session over--> lost
 *     ^                       |  ^                                            |
 *     +---- join refused -----+  +---------------- join again ----------------+
 *
 * A page that was loaded anew begins with joining: it goes on with the session that its tab had, if that is still there.
 * While the connection is lost and the SDK brings it back, a note says so over the game.
 */
type View = 'asking' | 'joining' | 'playing' | 'lost';

const address = new URLSearchParams(location.search);

/** World units that a window shows, as an area. */
const shownArea = 1360 * 800;

const camera = new Camera(worldSize, shownArea);
const sheet = new Sheet(element<HTMLCanvasElement>('canvas'), camera);
const painter = new Painter(sheet, camera);
const controls = new Controls(element('canvas'), () => game?.handsChanged());
const overlay = new Overlay(element('overlay'), arenaFigures);
const nameField = element<HTMLInputElement>('name');
const joinButton = element<HTMLButtonElement>('join');
const joinError = element('join-error');
const emptyScene: Scene = {
  figures: [],
  tracers: new Tracers(1),
  tickOf: () => 0,
  sparks: new Sparks(Math.random),
  markedAtMs: 0,
  pointerX: 0,
  pointerY: 0,
  aims: false,
};

const session = new RememberedSession('arena.session');

let game: Game | undefined;

function show(view: View): void {
  element('entry').hidden = view !== 'asking' && view !== 'joining';
  element('hud').hidden = view === 'asking' || view === 'joining';
  element('lost').hidden = view !== 'lost';
  joinButton.disabled = view === 'joining';
  joinButton.textContent = view === 'joining' ? 'Joining…' : 'Play';
  document.body.classList.toggle('playing', view === 'playing');
  if (view === 'asking') nameField.focus();
  if (view === 'lost') element('join-again').focus();
}

async function join(name: string): Promise<void> {
  joinError.hidden = true;
  game = undefined;
  show('joining');
  let room: ArenaRoom;
  try {
    room = await joinArena(name, address);
  } catch (error) {
    joinError.textContent = `Could not join: ${error instanceof Error ? error.message : String(error)}`;
    joinError.hidden = false;
    show('asking');
    return;
  }
  play(room);
}

function play(room: ArenaRoom): void {
  const joined = new Game(room, camera, painter, controls, overlay, () => performance.now(), Math.random);
  game = joined;
  controls.release();
  session.follow(room);
  room.onDrop(() => (element('reconnecting').hidden = false));
  room.onReconnect(() => (element('reconnecting').hidden = true));
  room.onLeave((code, reason) => lose(joined, code, reason));
  show('playing');
}

function lose(lost: Game, code: number, reason: string): void {
  if (game !== lost) return;
  lost.end();
  element('reconnecting').hidden = true;
  chatBox.close();
  element('lost-reason').textContent = closeMeaning(code);
  element('lost-detail').textContent = `Close code ${code}: ${reason === '' ? 'no reason given' : reason}`;
  show('lost');
}

function draw(nowMs: number): void {
  requestAnimationFrame(draw);
  if (game !== undefined) {
    game.frame(nowMs);
    return;
  }
  // Behind the first card the view drifts over the empty arena.
  const turn = nowMs / 30_000;
  camera.lookAt(worldSize * (0.5 + 0.2 * Math.cos(turn)), worldSize * (0.5 + 0.2 * Math.sin(turn)));
  painter.draw(emptyScene, nowMs);
}

const chatBox = new ChatBox(
  element<HTMLFormElement>('chat-form'),
  element<HTMLInputElement>('chat-text'),
  () => document.body.classList.contains('playing'),
  (line) => game?.say(line),
);

element('join-form').addEventListener('submit', (event) => {
  event.preventDefault();
  const typed = nameField.value.trim();
  if (typed !== '') rememberName(typed);
  void join(cleanName(typed));
});
element('join-again').addEventListener('click', () => void join(cleanName(nameField.value)));
addEventListener('resize', () => sheet.resize());

openTestWindow(() => game, camera, () => overlay.isVisible);
sheet.resize();
nameField.value = address.get('name') ?? rememberedName();
requestAnimationFrame(draw);
void begin();

async function begin(): Promise<void> {
  if (session.token !== '') show('joining');
  const room = await resumeArena(session.token, address);
  if (room !== undefined) {
    play(room);
    return;
  }
  session.forget();
  if (address.get('name') === null) show('asking');
  else void join(cleanName(address.get('name')));
}
