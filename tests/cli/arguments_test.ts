/** Command lines cut up by a table of flags. @module */

import { assertEquals, assertThrows } from "@std/assert";
import { checkArguments, parse } from "../../src/cli/arguments.ts";
import { real, text, texts, toggle, whole, wholes } from "../../src/cli/command.ts";
import { UsageError } from "../../src/cli/failure.ts";
import { didYouMean } from "../../src/cli/suggest.ts";

const FLAGS = {
  prompt: text("TEXT", "x", { short: "p" }),
  topK: whole("K", "x"),
  stop: texts("TEXT", "x"),
  json: toggle("x"),
};

Deno.test("parse() finds flags, their values and the rest", () => {
  const { flags, rest } = parse(
    ["a", "-p", "- item", "--top-k=3", "--stop", "x", "--stop", "--y", "--json", "--", "--b"],
    FLAGS,
  );
  assertEquals(Object.fromEntries(flags), {
    prompt: ["- item"],
    topK: ["3"],
    stop: ["x", "--y"],
    json: ["true"],
  });
  assertEquals(rest, ["a", "--b"]);
});

Deno.test("parse() takes a negative number and a value glued to its letter", () => {
  assertEquals(parse(["--top-k", "-1", "-pHi"], FLAGS).flags.get("topK"), ["-1"]);
  assertEquals(parse(["-pHi"], FLAGS).flags.get("prompt"), ["Hi"]);
});

Deno.test("parse() refuses what the table does not have", () => {
  const bad: [args: string[], message: string][] = [
    [["--promt", "x"], 'did you mean "--prompt"'],
    [["-x"], 'Cannot use "-x"'],
    [["--top-k"], "its K is missing"],
    [["--json=1"], "it takes no value"],
    [["-p", "a", "-p", "b"], "it was given before"],
  ];
  for (const [args, message] of bad) assertThrows(() => parse(args, FLAGS), UsageError, message);
});

Deno.test("checkArguments() counts", () => {
  const wanted = [{ name: "MODEL", help: "a file" }, { name: "TEXT", help: "", optional: true }];
  checkArguments("x", ["a"], wanted);
  checkArguments("x", ["a", "b"], wanted);
  assertThrows(() => checkArguments("x", [], wanted), UsageError, "MODEL is missing");
  assertThrows(() => checkArguments("x", ["a", "b", "c"], wanted), UsageError, 'take "c"');
});

Deno.test("flags read their values strictly", () => {
  assertEquals(whole("N", "x", { least: 1 }).read(["7"], "--n"), 7);
  assertEquals(real("N", "x").read(["-.5e1"], "--n"), -5);
  assertEquals(wholes("N", "x").read(["1, 4"], "--n"), [1, 4]);
  assertEquals(toggle("x").read(["off"], "CRIA_X"), false);
  for (const given of ["", "0", "1.5", "0x10", "1e3", "abc", "9007199254740993"]) {
    assertThrows(() => whole("N", "x", { least: 1 }).read([given], "--n"), UsageError, "--n");
  }
  for (const given of ["", "Infinity", "NaN", "1,5", "."]) {
    assertThrows(() => real("N", "x").read([given], "--n"), UsageError, "it is a number");
  }
  assertThrows(() => toggle("x").read(["maybe"], "CRIA_X"), UsageError, "CRIA_X");
});

Deno.test("didYouMean() guesses only what is near", () => {
  const words = ["run", "chat", "tokenize", "detokenize"];
  assertEquals(didYouMean("rnu", words), '; did you mean "run"?');
  assertEquals(didYouMean("tokenise", words), '; did you mean "tokenize"?');
  assertEquals(didYouMean("perplexity", words), "");
});
