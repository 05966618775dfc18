/** What the rooms' work takes in some Node on this machine, with nothing else in the process. */
import { execFileSync } from 'node:child_process';

/** Worlds that take turns, as the rooms of a server do. */
const WORLDS = 16;
const STEPS_WARM = 70;
const STEPS = 100;

/**
 * @param node path of the program
 * @param module URL of the work, compiled or not (bench/heavy-physics.ts)
 * @throws when the work's result isn't the one it has in every other Node
 */
export function medianStepUs(node: string, module: string): number {
  const code = `import { timeSteps } from '${module}';
    console.log(JSON.stringify(timeSteps(${WORLDS}, ${STEPS_WARM + STEPS})));`;
  const output = execFileSync(node, ['--disable-warning=ExperimentalWarning', '--input-type=module', '--eval', code], {
    encoding: 'utf8',
  });
  const stepsUs = (JSON.parse(output) as number[]).slice(STEPS_WARM).sort((a, b) => a - b);
  return stepsUs[STEPS >> 1]!;
}
