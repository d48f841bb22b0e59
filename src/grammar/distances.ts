/** How far it is from each state of a network to the end of its rule. @module */

import type { Network } from "./network.ts";

/**
 * Fewest bytes from each state to the end of its rule; Infinity where there is no way. Shortest
 * ways are found from their ends: whoever gets nearer tells those who come before it.
 */
export function distancesOf(network: Network): Float64Array {
  const { states } = network, distances = new Float64Array(states.length).fill(Infinity);
  const { starts, before } = predecessors(network);
  let changed = states.flatMap(({ accepting }, state) => accepting ? [state] : []);
  for (const state of changed) distances[state] = 0;
  const isNext = new Uint8Array(states.length);
  while (changed.length > 0) {
    const next: number[] = [];
    for (const at of changed) {
      for (let i = starts[at]!; i < starts[at + 1]!; i++) {
        const from = before[i]!, distance = throughOne(network, distances, from);
        if (distance >= distances[from]!) continue;
        distances[from] = distance;
        if (isNext[from] === 0) next.push(from);
        isNext[from] = 1;
      }
    }
    for (const state of next) isNext[state] = 0;
    changed = next;
  }
  return distances;
}

/** The distance of a state by those of its neighbours. */
function throughOne(network: Network, distances: Float64Array, state: number): number {
  const { states, calls: all, starts } = network, { bytes, empty, calls } = states[state]!;
  let least = distances[state]!;
  for (let i = 2; i < bytes.length; i += 3) least = Math.min(least, 1 + distances[bytes[i]!]!);
  for (const to of empty) least = Math.min(least, distances[to]!);
  for (const call of calls) {
    const { rule, least: rounds, target } = all[call]!;
    const inside = rounds === 0 ? 0 : rounds * distances[starts[rule]!]!;
    least = Math.min(least, inside + distances[target]!);
  }
  return least;
}

/** Who may get nearer when a state does: those of state s are `before` from starts[s] on. */
function predecessors({ states, calls, starts: rules }: Network) {
  const each = (visit: (from: number, to: number) => void) =>
    states.forEach((state, from) => {
      for (let at = 2; at < state.bytes.length; at += 3) visit(from, state.bytes[at]!);
      for (const to of state.empty) visit(from, to);
      for (const call of state.calls) {
        visit(from, calls[call]!.target);
        visit(from, rules[calls[call]!.rule]!);
      }
    });
  const starts = new Int32Array(states.length + 2); // shifted by one while they are filled
  each((_, to) => starts[to + 2]!++);
  for (let state = 2; state < starts.length; state++) starts[state]! += starts[state - 1]!;
  const before = new Int32Array(starts[states.length + 1]!);
  each((from, to) => before[starts[to + 1]!++] = from);
  return { starts, before };
}
