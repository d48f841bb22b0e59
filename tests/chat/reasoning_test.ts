/** Reasoning is told from the answer, however the text is cut into pieces. @module */

import { assertEquals } from "@std/assert";
import { reasoningMarkers, ReasoningSplitter, withReasoning } from "../../src/chat/reasoning.ts";

const MARKERS = { open: "<think>", close: "</think>" };

/** What a model writes, whether the prompt has opened the block, and what that is. */
const CASES:
  readonly (readonly [output: string, isOpen: boolean, reasoning: string, text: string])[] = [
    ["<think>\nHm, 2 < 3.\n</think>\n\nYes.\n", false, "Hm, 2 < 3.", "Yes.\n"],
    ["\n <think>a</think>b", false, "a", "b"],
    ["Hm.\n</think>\n\nYes.", true, "Hm.", "Yes."],
    ["\n\n</think>\n\nYes.", true, "", "Yes."],
    ["<think>\n\n</think>\n\nYes.", false, "", "Yes."],
    [" Yes: <think>no</think>.", false, "", " Yes: <think>no</think>."],
    ["Yes.</think>", false, "", "Yes.</think>"],
    ["<thin", false, "", "<thin"],
    ["<thinker>", false, "", "<thinker>"],
    ["<think>never ends \n", false, "never ends", ""],
    ["a</thi b </think", true, "a</thi b </think", ""],
    ["a</think>b</think>c<think>d", true, "a", "b</think>c<think>d"],
    ["", false, "", ""],
    ["", true, "", ""],
    ["  \n", false, "", "  \n"],
    ["<think>a </think>", false, "a", ""],
    ["ä🎉 </think> 🎉", true, "ä🎉", "🎉"],
  ];

function split(pieces: readonly string[], isOpen: boolean) {
  const splitter = new ReasoningSplitter(MARKERS, isOpen);
  const parts = [...pieces.map((piece) => splitter.push(piece)), splitter.flush()];
  const of = (key: "reasoning" | "text") => parts.map((part) => part[key]).join("");
  return { reasoning: of("reasoning"), text: of("text"), parts, state: splitter.state };
}

Deno.test("reasoning and answer come apart, wherever the pieces are cut", () => {
  for (const [output, isOpen, reasoning, text] of CASES) {
    for (let size = 1; size <= output.length + 1; size++) {
      const pieces = output.match(new RegExp(`[^]{1,${size}}`, "g")) ?? [];
      const found = split(pieces, isOpen);
      assertEquals([found.reasoning, found.text], [reasoning, text], `${output} by ${size}`);
    }
  }
});

Deno.test("what is certain comes at once", () => {
  const { parts } = split(
    ["<think>", "one", " two", " ", "three", "</", "x", "</think>", " a"],
    false,
  );
  assertEquals(parts.map(({ reasoning }) => reasoning), [
    ...["", "one", " two", "", " three", "", "</x", "", "", ""],
  ]);
  assertEquals(parts.at(-2)!.text, "a");
});

Deno.test("the state says whether a grammar is to hold", () => {
  const splitter = new ReasoningSplitter(MARKERS, false);
  const states = ["\n", "<thi", "nk>", "x</thi", "nk>", "\n", "{"].map((piece) => {
    splitter.push(piece);
    return splitter.state;
  });
  const [first, second, third] = ["undecided", "thinking", "answering"];
  assertEquals(states, [first, first, second, second, third, third, third]);
  assertEquals(new ReasoningSplitter(MARKERS, true).state, "thinking");
});

Deno.test("marks are those of the template, else those of the vocabulary", () => {
  const find = (template: string, tokens: string[] = []) =>
    reasoningMarkers(template, (token) => tokens.includes(token))?.open;
  assertEquals(find("{{ x.split('</think>')[-1] }}"), "<think>");
  assertEquals(find("[THINK]"), "[THINK]");
  assertEquals(find("{{ x }}", ["[THINK]", "[/THINK]"]), "[THINK]");
  assertEquals(find("{{ x }}", ["<|channel>", "<channel|>"]), "<|channel>thought");
  assertEquals(find("[THINK]", ["<think>", "</think>"]), "[THINK]");
  assertEquals(find("{{ x }}", ["<think>"]), undefined);
});

Deno.test("reasoning of earlier turns goes where templates look for it", () => {
  const message = { role: "assistant", content: "a" };
  assertEquals(withReasoning(message), message);
  for (const field of ["reasoning", "thinking", "reasoning_content"]) {
    const found = withReasoning({ ...message, [field]: "r" });
    assertEquals([found.reasoning_content, found.thinking], ["r", "r"]);
  }
  assertEquals(withReasoning({ ...message, reasoning: null }), { ...message, reasoning: null });
});
