/** Makes a server of the options in its only argument, as JSON, and says so like the command line does. */
import { createServer } from 'escapement';

const server = await createServer(JSON.parse(process.argv[2]));
process.once('SIGTERM', () => void server.close());
const { url } = await server.listen();
console.log(`metrics at http://127.0.0.1:${server.adminPort}/metrics`);
console.log(`escapement ready: ${url}`);
