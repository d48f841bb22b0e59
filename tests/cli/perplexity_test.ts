/** `cria perplexity`: figures for people and for programs, files of log-probabilities. @module */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { randomModelTest } from "../model/random_model.ts";
import { ROOT } from "../support.ts";
import { cria, criaJson } from "./program.ts";

const MODEL = `${ROOT}/tests/conformance/models/phi3.gguf`;
const BASE = `${ROOT}/tests/evaluate/base.kld`;

/** Runs something in a folder of its own, with a text in it. */
async function inFolder(text: string, work: (folder: string, file: string) => Promise<void>) {
  const folder = await Deno.makeTempDir({ prefix: "cria-test-" }), file = `${folder}/text.txt`;
  try {
    await Deno.writeTextFile(file, text);
    await work(folder, file);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("cria perplexity --kl-base gives every figure, chunks are the file's", async () => {
  const { expected } = JSON.parse(
    await Deno.readTextFile(`${ROOT}/tests/evaluate/divergence.json`),
  );
  const args = ["perplexity", MODEL, "--kl-base", BASE, "--threads", "2"];
  const found = await criaJson(args);
  assertEquals(Object.keys(found).sort(), Object.keys(expected).sort());
  assertEquals([found.tokens, found.context], [66, 24]);
  const { code, stdout, stderr } = await cria(args);
  assertEquals([code, stderr], [0, ""]);
  const shown = (name: string) =>
    Number(new RegExp(`^ *${name} +(-?[\\d.]+)`, "m").exec(stdout)?.[1]);
  const near = (name: string, value: number, off: number) => {
    assert(Math.abs(shown(name) - value) <= off, `${name}: ${shown(name)} for ${value}`);
  };
  const { perplexity, base, kld, sameTop, rmsDeltaP } = expected;
  near("perplexity", perplexity, 0.05);
  near("of the base", base.perplexity, 0.05);
  near("KL divergence", kld.mean, 1e-5);
  near("median", kld.percentiles["50"], 1e-5);
  near("99 %", kld.percentiles["99"], 1e-4);
  near("RMS Δp", 100 * rmsDeltaP.value, 1e-3);
  near("same top token", 100 * sameTop.value, 1e-3);
  const other = await cria(args, { env: { CRIA_CTX: "32" } });
  assertEquals([other.code, other.stdout], [0, stdout]);
  assertMatch(other.stderr, /^chunks of 24 tokens as in ".*base\.kld", not of 32\n$/);
});

randomModelTest("cria perplexity saves what it compares with", async (path) => {
  await inFolder("w1 w2 w3 ".repeat(20), async (folder, file) => {
    const base = `${folder}/base.kld`, engine = ["--threads", "2"];
    const text = ["perplexity", path, "-f", file, "--ctx", "16", ...engine];
    const plain = await criaJson([...text, "--chunks", "2"]);
    const { tokens, nll, perplexity, chunks } = plain;
    assertEquals([tokens, chunks, perplexity], [30, 2, Math.exp(Number(nll))]);
    const shown = await cria([...text, "--chunks", "2"]);
    assertMatch(
      shown.stdout,
      /^perplexity +\d+\.\d{4} ± \d+\.\d{4}\nnats each +.* ± .*\npredicted tokens +30\n$/,
    );
    const saved = await cria([...text, "--save-logits", base]);
    assertEquals([saved.code, saved.stderr], [0, `log-probabilities in "${base}"\n`]);
    const again = ["perplexity", path, "--kl-base", base, "-f", file, ...engine];
    const same = await criaJson(again) as { base: { nll: number }; nll: number };
    assert(Math.abs(same.base.nll - same.nll) < 1e-4);
    await Deno.writeTextFile(file, "w1 w2 w4 ".repeat(20));
    const other = await cria(again);
    assertEquals([other.code, other.stdout], [1, ""]);
    assertMatch(
      other.stderr,
      /^cria: Cannot compare with ".*": token \d+ is \d+, that of the text/,
    );
    await Deno.truncate(base, 1000);
    const cut = await cria(again);
    assertEquals([cut.code, cut.stdout], [1, ""]);
    assertMatch(cut.stderr, /^cria: Cannot read ".*": it ends after 0 of its \d+ chunks \(at byte/);
  });
});

Deno.test("a text that is not UTF-8 is read, and a note says so", async () => {
  await inFolder("", async (_, file) => {
    await Deno.writeFile(file, Uint8Array.of(0x67, 0x72, 0xFC, 0x6E, 0x20, 0x61)); // "grün a"
    const args = ["perplexity", `${ROOT}/models/story.gguf`, "-f", file, "--threads", "1"];
    const told = await cria(args), quiet = await cria([...args, "--quiet"]);
    assertEquals([told.code, quiet.code, quiet.stderr], [0, 0, ""]);
    assertMatch(
      told.stderr,
      /^".*text\.txt" is not UTF-8 everywhere: what is not stands as U\+FFFD$/m,
    );
    assertEquals(told.stdout, quiet.stdout);
  });
});
