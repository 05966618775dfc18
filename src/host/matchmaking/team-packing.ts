/**
 * Whether units fill teams exactly. That depends on their sizes only, so it is asked with counts of units of each size; who
 * goes where is chosen afterwards (team-balance.ts).
 *
 * It is hard in general (bin packing), and easy for the sizes that games have. So the search ends after so many steps.
 */

/** For each team the sizes of its units. The first team has one of the size that had to be in. */
export type Packing = readonly (readonly number[])[];

/**
 * Steps to look for a packing, besides 2 for each player of a match: one for each unit and team when nothing has to be taken
 * back. Up to 4 teams of up to 5 take at most 359, whatever the counts.
 */
const PACK_STEPS_MAX = 1000;
const PACK_STEPS_PER_PLAYER = 2;

/** Packings remembered: about 1 MB for teams of 5. All are forgotten when there would be more. */
const PACKINGS_MAX = 4096;

export class TeamPacking {
  /** Players of a match. */
  readonly players: number;
  /** Work done so far: one for each unit looked at. */
  steps = 0;
  private readonly known = new Map<string, Packing | null>();

  constructor(
    private readonly teams: number,
    private readonly teamSize: number,
  ) {
    this.players = teams * teamSize;
  }

  /** Most units of a size that a match holds. */
  unitsMax(size: number): number {
    return this.teams * Math.floor(this.teamSize / size);
  }

  /**
   * Whether units of these sizes fill the teams, and how; null when they don't, or it takes too long to find out.
   *
   * @param counts how many units there are of each size; index 0 is not used
   * @param needed a size of which one must be in
   */
  pack(counts: readonly number[], needed: number): Packing | null {
    // Counts beyond what fits in make no difference, so that most questions of a large queue are the same one.
    const left = counts.map((count, size) => (size === 0 ? 0 : Math.min(count, this.unitsMax(size))));
    const question = `${needed}:${left.join()}`;
    const answered = this.known.get(question);
    if (answered !== undefined) return answered;
    if (this.known.size >= PACKINGS_MAX) this.known.clear();
    const answer = left[needed]! > 0 ? this.search(left, needed) : null;
    this.known.set(question, answer);
    return answer;
  }

  /** Fills one team after the other, and takes back what leads nowhere. No recursion: a match has up to 4,096 players. */
  private search(left: number[], needed: number): Packing | null {
    const { teams, teamSize } = this;
    const stepsEnd = this.steps + PACK_STEPS_MAX + PACK_STEPS_PER_PLAYER * this.players;
    const placed: number[] = [];
    /** What was left after so many teams, in vain. */
    const dead = new Set<string>();
    left[needed]! -= 1;
    let team = 0;
    let open = teamSize - needed;
    let sizeMax = teamSize;
    while (this.steps < stepsEnd) {
      this.steps += 1;
      let isDead = false;
      if (open === 0) {
        if (team === teams - 1) return inTeams([needed, ...placed], teamSize);
        isDead = dead.has(`${team}:${left.join()}`);
        if (!isDead) {
          team += 1;
          open = teamSize;
          sizeMax = teamSize;
        }
      }
      // Large parties first: players alone fit in anywhere afterwards.
      let size = isDead ? 0 : Math.min(open, sizeMax);
      while (size > 0 && left[size] === 0) size -= 1;
      if (size > 0) {
        left[size]! -= 1;
        placed.push(size);
        open -= size;
        sizeMax = size; // within a team in descending order: the same sizes in another order are the same team
        continue;
      }
      if (open === teamSize) {
        team -= 1;
        open = 0;
        dead.add(`${team}:${left.join()}`);
      }
      const last = placed.pop();
      if (last === undefined) return null;
      left[last]! += 1;
      open += last;
      sizeMax = last - 1;
    }
    return null;
  }
}

/** Sizes one team after the other, as teams. */
function inTeams(sizes: readonly number[], teamSize: number): Packing {
  const packing: number[][] = [];
  let open = 0;
  for (const size of sizes) {
    if (open === 0) {
      packing.push([]);
      open = teamSize;
    }
    packing.at(-1)!.push(size);
    open -= size;
  }
  return packing;
}
