/**
 * The name of `names` that `word` was probably meant to be, or undefined when none is near.
 * Near is one edit for each three letters, two at least (an edit: insert, delete, replace, or swap two neighbours);
 * a single letter is taken as the first letter. Words longer than any name could match are not measured.
 */
export function nearestName(word: string, names: readonly string[]): string | undefined {
  if (word.length === 1) return names.find((name) => name.startsWith(word.toLowerCase()));
  let nearest: string | undefined;
  let fewest = Infinity;
  for (const name of names) {
    const editsMax = Math.max(2, Math.floor(name.length / 3));
    // Two edits would turn any two-letter word into another, so a short word must share more than its length.
    if (Math.abs(word.length - name.length) > editsMax || editsMax >= word.length) continue;
    const edits = editDistance(word.toLowerCase(), name.toLowerCase());
    if (edits <= editsMax && edits < fewest) {
      nearest = name;
      fewest = edits;
    }
  }
  return nearest;
}

/** Optimal string alignment distance (Damerau 1964, no substring edited twice), over three rows of the matrix. */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      let edits = Math.min(above[j]! + 1, row[j - 1]! + 1, above[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) edits = Math.min(edits, before[j - 2]! + 1);
      row.push(edits);
    }
    before = above;
    above = row;
  }
  return above[b.length]!;
}
