/** A slow and plain matcher: what it means that bytes meet a grammar, or begin to. @module */

import type { Range } from "../../src/grammar/code_points.ts";
import type { Expression, Rules } from "../../src/grammar/expression.ts";

/** Where a part may end, and whether the bytes may run out in the middle of it. */
interface Outcome {
  readonly ends: ReadonlySet<number>;
  readonly open: boolean;
}

const NEVER: Outcome = { ends: new Set(), open: false };
const UTF8 = new TextEncoder();

/**
 * Tries every way to read some bytes, by the definition of each expression. Rules must be able to
 * end, and read something before they call themselves.
 */
export function readPlainly(
  { rules, root }: Rules,
  bytes: Uint8Array,
): { whole: boolean; begun: boolean } {
  const known = new Map<string, Outcome>();
  const read = (part: Expression, at: number): Outcome => {
    switch (part.kind) {
      case "text":
        return readText(UTF8.encode(part.text), bytes, at);
      case "class":
        return readClass(part.ranges, bytes, at);
      case "sequence":
        return part.parts.reduce<Outcome>(
          (before, one) => then(before, (end) => read(one, end)),
          { ends: new Set([at]), open: false },
        );
      case "choice":
        return either(part.parts.map((one) => read(one, at)));
      case "repeat": {
        let outcome: Outcome = { ends: new Set([at]), open: false };
        const all: Outcome[] = part.least === 0 ? [outcome] : [];
        // Rounds beyond the number of bytes are empty: they change nothing once they repeat.
        const rounds = Math.min(part.most, part.least + bytes.length + 1);
        for (let round = 1; round <= rounds; round++) {
          const next = then(outcome, (end) => read(part.part, end));
          outcome = next;
          all.push(round >= part.least ? next : { ends: new Set(), open: next.open });
        }
        return either(all);
      }
      case "rule": {
        const key = `${part.name} ${at}`, found = known.get(key) ?? read(rules.get(part.name)!, at);
        known.set(key, found);
        return found;
      }
      case "machine":
        throw new Error("machines are tested by the languages that they stand for");
    }
  };
  const { ends, open } = read({ kind: "rule", name: root }, 0);
  const whole = ends.has(bytes.length);
  return { whole, begun: whole || open };
}

function then(before: Outcome, next: (end: number) => Outcome): Outcome {
  const after = either([...before.ends].map(next));
  return { ends: after.ends, open: before.open || after.open };
}

function either(outcomes: readonly Outcome[]): Outcome {
  return {
    ends: new Set(outcomes.flatMap(({ ends }) => [...ends])),
    open: outcomes.some(({ open }) => open),
  };
}

function readText(text: Uint8Array, bytes: Uint8Array, at: number): Outcome {
  const there = bytes.slice(at, at + text.length);
  if (there.some((byte, i) => byte !== text[i])) return NEVER;
  if (there.length < text.length) return { ends: new Set(), open: true };
  return { ends: new Set([at + text.length]), open: false };
}

/** One character: whole, or begun and completed by the lowest and highest bytes that can follow. */
function readClass(ranges: readonly Range[], bytes: Uint8Array, at: number): Outcome {
  if (at >= bytes.length) return { ends: new Set(), open: ranges.length > 0 };
  const lead = bytes[at]!, length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  const there = [...bytes.slice(at, at + length)];
  const first = valueOf([...there, ...Array(length - there.length).fill(0x80)]);
  const last = valueOf([...there, ...Array(length - there.length).fill(0xBF)]);
  if (first === undefined || last === undefined) return NEVER;
  const least = [0, 0x80, 0x800, 0x10000][length - 1]!; // a shorter spelling exists below
  const fits = ranges.some(([from, to]) => {
    const low = Math.max(from, first, least), high = Math.min(to, last, 0x10FFFF);
    return low <= high && !(low >= 0xD800 && high <= 0xDFFF);
  });
  if (!fits) return NEVER;
  return there.length < length
    ? { ends: new Set(), open: true }
    : { ends: new Set([at + length]), open: false };
}

/** The number that bytes spell in UTF-8; undefined where they are none. */
function valueOf(bytes: readonly number[]): number | undefined {
  const [lead, ...rest] = bytes as [number, ...number[]];
  if (rest.some((byte) => (byte & 0xC0) !== 0x80)) return undefined;
  if (bytes.length === 1) return lead < 0x80 ? lead : undefined;
  if (lead < 0xC0 || lead > 0xF7) return undefined;
  return rest.reduce((sum, byte) => sum * 64 + (byte & 0x3F), lead & (0xFF >> (bytes.length + 1)));
}
