/** `cria embed`: vectors of texts from the command line and from stdin. @module */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { Model } from "../../mod.ts";
import { randomModelTest } from "../model/random_model.ts";
import { cria, criaJson } from "./program.ts";

randomModelTest("cria embed gives each text its vector", async (path) => {
  using model = await Model.load(path, { threads: 1, context: 64 });
  const texts = ["w1 w2", "x", ""], args = ["embed", path, "--ctx", "64", "--threads", "2"];
  const result = await criaJson([...args, "--pooling", "last", "--no-normalize", ...texts]);
  assertEquals(result.dimensions, model.config.dim);
  const vectors = await model.embed(texts, { pooling: "last", normalize: false });
  // Nine digits are enough for every bit.
  assertEquals((result.embeddings as number[][]).map((row) => Float32Array.from(row)), vectors);
});

randomModelTest("cria embed takes the lines of stdin, and writes one for each", async (path) => {
  using model = await Model.load(path, { threads: 1, context: 64 });
  const stdin = "w1 w2\r\n\nw3", args = ["embed", path, "--ctx", "64"];
  const { code, stdout, stderr } = await cria(args, { stdin });
  assertEquals([code, stderr], [0, ""]);
  const lines = stdout.trimEnd().split("\n").map((line) => Float32Array.from(JSON.parse(line)));
  assertEquals(lines, await model.embed(["w1 w2", "", "w3"]));
  const empty = await cria(args, { stdin: "" });
  assertEquals([empty.code, empty.stdout], [2, ""]);
  assertMatch(empty.stderr, /^cria: Cannot embed "": there is no text; .*\n$/);
  const long = await cria([...args, "short", "w".repeat(100)]);
  assertEquals([long.code, long.stdout], [1, ""]);
  assertMatch(long.stderr, /embed text 2: 10\d tokens do not fit a context of 64\n$/);
  assert(long.stderr.includes(JSON.stringify(path)));
});
