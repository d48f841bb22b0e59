/** Tests of stop strings in every way of cutting a text into pieces. @module */

import { assertEquals } from "@std/assert";
import { StopMatcher } from "../../src/session/stop.ts";

/** What is shown of a text cut at the bits of a mask. */
function shown(text: string, mask: number, stops: string[]): string {
  const matcher = new StopMatcher(stops);
  let out = "";
  let piece = "";
  for (let at = 0; at < text.length && !matcher.stopped; at++) {
    piece += text[at];
    if ((mask >> at & 1) === 0 && at < text.length - 1) continue;
    out += matcher.push(piece);
    piece = "";
  }
  return matcher.stopped ? out : out + matcher.flush();
}

const CASES: [text: string, stops: string[], expected: string][] = [
  ["hello", ["ll"], "he"],
  ["aabaac", ["aac"], "aab"],
  ["aaaab", ["aab"], "aa"],
  ["xyzxyw", ["xyw", "never"], "xyz"],
  ["no stop", ["stops"], "no stop"],
  ["abcabc", [], "abcabc"],
  ["end.", ["."], "end"],
];

for (const [text, stops, expected] of CASES) {
  Deno.test(`stop ${JSON.stringify(stops)} in "${text}", however it is cut`, () => {
    for (let mask = 0; mask < 2 ** text.length; mask++) {
      assertEquals(shown(text, mask, stops), expected, `cut by ${mask.toString(2)}`);
    }
  });
}

Deno.test("of two stop strings in one piece the first counts", () => {
  const matcher = new StopMatcher(["two", "one"]);
  assertEquals(matcher.push("zero one two"), "zero ");
  assertEquals(matcher.stopped, true);
});
