/** Generation under a grammar: whatever the model would say, the text meets it. @module */

import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { ArgumentError } from "../../src/errors.ts";
import { Model } from "../../src/session/model.ts";
import type { GenerateOptions } from "../../src/session/generate.ts";
import { Session } from "../../src/session/session.ts";
import { ROOT } from "../support.ts";
import { END, FakeEngine, HALF, OTHER_HALF, script } from "./fake.ts";

/** What a model that says `says` comes to under some options. */
async function generate(says: string | readonly number[], options: GenerateOptions, capacity = 99) {
  const engine = new FakeEngine({ next: script(says, 1), capacity });
  using session = new Session(engine, { seed: 7 });
  const { text, finishReason, tokens } = await session.generate("?", options).result;
  return { text, finishReason, tokens, steps: engine.calls.length };
}

Deno.test("what the model says passes where the grammar allows it", async () => {
  const grammar = "root ::= [a-z]+ [0-9]*";
  const { text, finishReason } = await generate("abc12", { grammar });
  assertEquals([text, finishReason], ["abc12", "stop"]);
});

Deno.test("a text that is complete ends without another step", async () => {
  const { text, finishReason, steps } = await generate("yes, of course", {
    grammar: 'root ::= "yes"',
  });
  assertEquals([text, finishReason, steps], ["yes", "stop", 3]); // the prompt, and "y" and "e"
  const none = await generate("yes", { grammar: 'root ::= ""' });
  assertEquals([none.text, none.finishReason, none.tokens], ["", "stop", []]);
});

Deno.test("an end comes where the grammar allows it, and nowhere else", async () => {
  const grammar = 'root ::= "ab"+';
  const { text, finishReason } = await generate("aba", { grammar }); // then END for ever
  assertEquals([text, finishReason], ["abab", "stop"]);
  const on = await generate("", { grammar, ignoreEos: true, maxTokens: 7 });
  assertEquals([on.text, on.finishReason], ["ababab", "length"]);
});

Deno.test("one of several texts is chosen", async () => {
  const grammar = ["red", "green", "greenish"];
  assertEquals((await generate("greed", { grammar })).text, "green");
  assertEquals((await generate("greeni", { grammar })).text, "greenish");
  await assertRejects(() => generate("", { grammar: [] }), ArgumentError, "there are no texts");
});

Deno.test("a character may come in parts", async () => {
  const grammar = "root ::= [é] [a-z]";
  const { text, tokens } = await generate([65, OTHER_HALF, 120], { grammar });
  assertEquals([text, tokens], ["éx", [HALF, OTHER_HALF, 120]]);
});

Deno.test("when room runs out, the text takes the shortest way to its end", async () => {
  const grammar = 'root ::= "[" ([0-9]+ ",")* [0-9]+ "]"';
  for (let maxTokens = 3; maxTokens < 12; maxTokens++) {
    const { text, finishReason } = await generate("[1,22,333,4444,55555", { grammar, maxTokens });
    assertMatch(text, /^\[(\d+,)*\d+\]$/);
    assertEquals([finishReason, text.length <= maxTokens], ["length", true]);
  }
  const { text } = await generate("[1,22,333,4444,55555", { grammar }, 10);
  assertMatch(text, /^\[1,22,\d*\]$/); // 9 tokens fit beside the prompt
});

Deno.test("what cannot fit is cut off", async () => {
  const { text, finishReason } = await generate("", { grammar: 'root ::= "abcdef"', maxTokens: 4 });
  assertEquals([text, finishReason], ["abcd", "length"]);
});

Deno.test("stop texts hold as ever", async () => {
  const { text, finishReason } = await generate("abcde", { grammar: "root ::= .*", stop: "cd" });
  assertEquals([text, finishReason], ["ab", "stop"]);
});

Deno.test("special tokens never match", async () => {
  const { text } = await generate([129, 129, 129], { grammar: "root ::= .{2} [!]" });
  assertEquals(text.length, 3);
  assert(text.endsWith("!"));
});

Deno.test("a grammar that cannot be used is refused before anything runs", () => {
  using session = new Session(new FakeEngine({ next: () => END }));
  for (const grammar of ["root ::= ", "x ::= 'a'", "root ::= root"]) {
    if (grammar !== "root ::= ") {
      assertThrows(() => session.generate("a", { grammar }), ArgumentError, "line 1, column");
    }
  }
});

Deno.test("speculation and forks give the text of plain decoding under a grammar", async () => {
  using model = await Model.load(`${ROOT}/models/story.gguf`, { context: 256, threads: 2 });
  const grammar = 'root ::= sentence{3}\nsentence ::= [A-Z] [a-z ]{4,60} (", " [a-z ]+)? "." " "?';
  const options = { grammar, seed: 5, temperature: 0.9 };
  using session = model.session(options);
  const plain = await session.generate("Once upon a time").result;
  assertMatch(plain.text, /^([A-Z][a-z ]{4,60}(, [a-z ]+)?\. ?){3}$/);
  using other = model.session(options);
  const guessed = await other.generate("Once upon a time", { speculate: "lookup" }).result;
  assertEquals(guessed.tokens, plain.tokens);
  using fork = session.fork();
  fork.rewind(5);
  assertEquals(await fork.extend("", { maxTokens: 64 }).text(), plain.text);
});
