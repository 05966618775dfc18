/** One way to send a crowd's snapshots to clients of which each sees a part. */
export interface CrowdContender {
  /** Microseconds that the newest snapshot took, for all clients. */
  readonly us: number;
  /** Of the newest snapshot, over all clients. */
  readonly bytes: number;
  /** Entities held at the last `catchUp`, over all clients. */
  readonly seen: number;
  /** Makes a snapshot of the workload's state and hands each client its part, for later. */
  snapshot(): void;
  /** The clients read all that they were handed. Throws unless each then holds what it is to see. */
  catchUp(): void;
}
