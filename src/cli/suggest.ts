/** Guesses which word was meant. @module */

/** "; did you mean ...?" with the nearest of some words, or nothing when none is near. */
export function didYouMean(given: string, words: readonly string[]): string {
  const ranked = words
    .map((word) => ({ word, distance: distanceOf(given, word) }))
    .sort((a, b) => a.distance - b.distance);
  const [best] = ranked;
  if (best === undefined) return "";
  const isStart = given.replace(/^-+/, "").length > 1 && best.word.startsWith(given);
  const near = best.distance <= Math.max(1, Math.floor(given.replace(/^-+/, "").length / 3));
  return near || isStart ? `; did you mean "${best.word}"?` : "";
}

/** How many letters must change to turn one word into another; neighbours may swap (OSA). */
function distanceOf(a: string, b: string): number {
  const rows = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    const above = rows[i - 1]!;
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      row[j] = Math.min(above[j]! + 1, row[j - 1]! + 1, above[j - 1]! + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        row[j] = Math.min(row[j]!, rows[i - 2]![j - 2]! + 1);
      }
    }
    rows.push(row);
  }
  return rows.at(-1)!.at(-1)!;
}
