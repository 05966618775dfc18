import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/**
 * Compiles a TypeScript thread entry with everything it imports to one script for `new Worker(script, { eval: true })`.
 * Vitest compiles what it imports itself; a worker thread is loaded by Node, which knows no TypeScript.
 */
export async function bundleThread(entry: URL): Promise<string> {
  const result = await build({
    entryPoints: [fileURLToPath(entry)],
    bundle: true, platform: 'node', format: 'cjs', target: 'node20', write: false, logLevel: 'silent',
  });
  return result.outputFiles[0].text;
}
