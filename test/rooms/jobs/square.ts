/** A job for the compute pool. */
import { isMainThread, threadId } from 'node:worker_threads';

export default function square(value: number): { value: number; threadId: number; isMainThread: boolean } {
  return { value: value * value, threadId, isMainThread };
}
