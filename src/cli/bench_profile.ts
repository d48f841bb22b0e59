/** The profile of `cria bench`: the operations that a step spends its time in. @module */

import type { Profile, ProfiledOperation } from "../session/profile.ts";
import { table, threeDigits, wrap } from "./layout.ts";

/** How many operations are named. */
const NAMED = 5;
/** Operations per byte from which on computing, not reading, is what a product waits for. */
const BOUND = 48;

/** One operation, as `--json` shows it: times and counts per step. */
export interface ProfileRow {
  readonly name: string;
  readonly types: readonly string[];
  readonly calls: number;
  readonly ms: number;
  readonly share: number;
  /** Bytes moved, by time. */
  readonly gbPerSecond: number;
  /** Billions of multiplications and additions, by time; 0 where there are none. */
  readonly gopsPerSecond: number;
}

/** What `--profile` adds to a figure. */
export interface ProfileResult {
  readonly steps: number;
  /** Milliseconds of a step's operations, in the mean. */
  readonly stepMs: number;
  /** The most expensive ones. */
  readonly operations: readonly ProfileRow[];
}

/** The most expensive operations of a profile, with their rates. */
export function topOf({ steps, ms, operations }: Profile): ProfileResult {
  return { steps, stepMs: ms, operations: operations.slice(0, NAMED).map(rowOf) };
}

function rowOf({ name, types, calls, ms, share, bytes, operations }: ProfiledOperation) {
  const perSecond = (amount: number) => ms > 0 ? amount / ms / 1e6 : 0; // in billions
  const rates = { gbPerSecond: perSecond(bytes), gopsPerSecond: perSecond(operations) };
  return { name, types, calls, ms, share, ...rates };
}

/**
 * The profile for people.
 * @param title what was run
 * @param profile its most expensive operations
 * @param width columns of the terminal
 */
export function profileTable(title: string, profile: ProfileResult, width: number): string[] {
  const { steps, stepMs, operations } = profile;
  const rows = operations.map(({ name, types, calls, ms, share, ...rates }) => [
    `  ${name}`,
    types.join(", "),
    threeDigits(calls),
    threeDigits(ms),
    percent(share),
    rateOf(rates),
  ]);
  const share = operations.reduce((sum, one) => sum + one.share, 0);
  rows.push(["  all others", "", "", threeDigits(stepMs * (1 - share)), percent(1 - share), ""]);
  const head = `${title}: ${
    threeDigits(stepMs)
  } ms of operations in a step, mean of ${steps} steps`;
  const columns = [
    { title: "  operation", flexible: true },
    { title: "weights" },
    { title: "calls", align: "right" },
    { title: "ms", align: "right" },
    { title: "share", align: "right" },
    { title: "rate", align: "right" },
  ] as const;
  return [...wrap(head, width), ...table(columns, rows, width)];
}

function percent(share: number): string {
  return `${(Math.max(0, share) * 100).toFixed(1)} %`;
}

/** What it waits for: memory, or, with many operations on each byte, the processor. */
function rateOf({ gbPerSecond, gopsPerSecond }: Pick<ProfileRow, "gbPerSecond" | "gopsPerSecond">) {
  if (gopsPerSecond > BOUND * gbPerSecond) return `${threeDigits(gopsPerSecond)} Gop/s`;
  return `${threeDigits(gbPerSecond)} GB/s`;
}
