import { PerformanceObserver } from 'node:perf_hooks';

const ROUNDS = 5;

/**
 * Bytes that one call of `work` leaves on the heap, from several rounds of `calls` calls: that of the cleanest round. What
 * the engine does on its own account (code, feedback) comes now and then; what a call allocates comes in every round. NaN
 * when there was a collection in each: then it is a lot.
 */
export async function garbageBytesPerCall(calls: number, work: () => void): Promise<number> {
  let collections = 0;
  const observer = new PerformanceObserver((list) => {
    collections += list.getEntries().length;
  });
  observer.observe({ entryTypes: ['gc'] });
  let least = NaN;
  for (let round = 0; round < ROUNDS; round += 1) {
    // The observer hears of collections only between turns of the event loop.
    await turn();
    collections = 0;
    const before = process.memoryUsage().heapUsed;
    for (let call = 0; call < calls; call += 1) work();
    const grownBytes = process.memoryUsage().heapUsed - before;
    await turn();
    if (collections === 0 && !(grownBytes / calls > least)) least = grownBytes / calls;
  }
  observer.disconnect();
  return least;
}

function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1));
}
