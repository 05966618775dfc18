/** Two processes of Colyseus and the proxy before them, as one server: started as any other, ends with all of them. */
import { COLYSEUS_UWS } from '../arena/contenders.js';
import { MeasuredServer } from '../arena/server-process.js';
import { Proxy } from './proxy.js';

const ROOM_ID_STARTS = ['p1-', 'p2-'];

const { command, ready } = COLYSEUS_UWS.start;
const servers = await Promise.all(ROOM_ID_STARTS.map((roomIdStart) => {
  const start = ['setpriv', '--pdeathsig', 'KILL', 'env', `ROOM_ID_START=${roomIdStart}`, ...command];
  return MeasuredServer.start({ command: start, ready }, null);
}));
const proxy = await Proxy.start(servers.map(({ url }, i) => ({ roomIdStart: ROOM_ID_STARTS[i]!, url })));

process.on('SIGTERM', () => {
  void Promise.all([proxy.stop(), ...servers.map((server) => server.stop())]).then(() => process.exit(0));
});
console.log(`ready ${proxy.url}`);
