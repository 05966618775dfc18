/** What a keyframe changes in a state that is already there. */
import type { TableChanges } from '../protocol/snapshot-decoder.js';
import type { TableImage } from '../state/image.js';

/** Lists in `changes` what leads from `before` to `after`, as the decoder lists it for a delta. */
export function listDifferences(before: TableImage, after: TableImage, changes: TableChanges): void {
  changes.reset();
  const slotEnd = Math.max(before.rowEnd, after.rowEnd);
  for (let slot = 0; slot < slotEnd; slot += 1) {
    const generationBefore = before.generations[slot]!;
    const generationAfter = after.generations[slot]!;
    if (generationBefore === generationAfter) {
      if (generationAfter !== 0) listChangedFields(before, after, slot, changes);
      continue;
    }
    if (generationBefore !== 0) {
      changes.removed[changes.removedCount] = slot;
      changes.removedCount += 1;
    }
    if (generationAfter !== 0) {
      changes.added[changes.addedCount] = slot;
      changes.addedCount += 1;
    }
  }
}

function listChangedFields(before: TableImage, after: TableImage, slot: number, changes: TableChanges): void {
  let mask = 0;
  for (let f = 0; f < after.quanta.length; f += 1) {
    // A client has no versions of texts, so their bytes are compared.
    const differs =
      after.texts[f] === null ? before.quanta[f]![slot] !== after.quanta[f]![slot] : after.textDiffers(f, slot, before);
    if (differs) mask |= 1 << f;
  }
  if (mask === 0) return;
  changes.changed[changes.changedCount] = slot;
  changes.changedMasks[changes.changedCount] = mask;
  changes.changedCount += 1;
}
