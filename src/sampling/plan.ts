/** Which samplers of the table run for some options, and in which order. @module */

import { type SamplerName, type SamplerRow, SAMPLERS, type SamplerStep } from "./chain.ts";
import { type CustomSampler, customStep } from "./custom.ts";
import { type ChainOptions, unusable } from "./options.ts";

/** Rows of the table, and functions in between. */
type Entry = SamplerRow | CustomSampler;

/**
 * The steps that do anything, in order.
 * @throws ArgumentError for a name that is none, or comes twice; for mirostat that is not the last
 */
export function planChain(
  options: ChainOptions,
  order: readonly (SamplerName | CustomSampler)[] | undefined,
): readonly SamplerStep[] {
  if (order !== undefined && !Array.isArray(order)) throw unusable("order", order, "a list");
  const entries: readonly Entry[] = order === undefined ? SAMPLERS : order.map(entryOf);
  const rows = entries.filter((entry) => typeof entry !== "function");
  if (new Set(rows).size < rows.length) {
    throw unusable("order", rows.map(({ name }) => name).join(), "without repeats");
  }
  const adapts = options.mirostat > 0, last = entries.at(-1);
  if (adapts && !(typeof last === "object" && last.name === "mirostat")) {
    throw unusable("order", rows.map(({ name }) => name).join(), "one that ends on mirostat");
  }
  const active = entries.filter((entry) =>
    typeof entry === "function" || (entry.active(options) && !(adapts && entry.truncates))
  );
  return withoutIdle(active, options).map((entry) =>
    typeof entry === "function" ? customStep(entry, entries.indexOf(entry)) : entry.apply
  );
}

function entryOf(entry: SamplerName | CustomSampler): Entry {
  if (typeof entry === "function") return entry;
  const row = SAMPLERS.find((row) => row.name === entry);
  if (row) return row;
  const names = SAMPLERS.map((row) => row.name).join(", ");
  throw unusable("order", entry, `a function, or one of ${names}`);
}

/**
 * At temperature 0 only the best token is left, so what keeps the best need not run, unless
 * something stands between that may make another the best.
 */
function withoutIdle(entries: readonly Entry[], options: ChainOptions): readonly Entry[] {
  const isRow = (entry: Entry): entry is SamplerRow => typeof entry !== "function";
  const end = entries.findIndex((entry) => isRow(entry) && entry.name === "temperature");
  if (end < 0 || options.temperature > 0 || options.dynatempRange > 0) return entries;
  let begin = end;
  while (begin > 0) {
    const before = entries[begin - 1]!;
    if (!isRow(before) || !before.keepsBest) break;
    begin--;
  }
  return [...entries.slice(0, begin), ...entries.slice(end)];
}
