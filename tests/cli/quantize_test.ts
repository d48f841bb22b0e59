/** `cria quantize`: fields of the contract, refusals, Ctrl-C. @module */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { ROOT, sharedTest } from "../support.ts";
import { cria, criaJson, SMALL, SMOLLM2 } from "./program.ts";

sharedTest("cria quantize --json has the fields of the contract", SMALL, async (path) => {
  const folder = await Deno.makeTempDir();
  try {
    const out = `${folder}/out.gguf`;
    const result = await criaJson(["quantize", path, out, "--type", "Q8_0"]);
    assertEquals(result.type, "Q8_0");
    assertEquals([result.inBytes, result.outBytes], [sizeOf(path), sizeOf(out)]);
    const tensors = result.tensors as Record<string, unknown>[];
    assertEquals(Object.keys(tensors[0]!), ["name", "type", "sqnrDb", "maxError"]);
    const inspected = await criaJson(["inspect", out]);
    assertEquals(tensors.length, (inspected.tensors as unknown[]).length);
    const again = await cria(["quantize", path, out, "--type", "Q4_0"]);
    assertEquals([again.code, again.stdout], [1, ""]);
    assertMatch(again.stderr, /^cria: Cannot write "[^"]+out\.gguf": it is there already[^\n]*\n$/);
    const forced = await cria(["quantize", path, out, "--type", "Q4_0", "--force"]);
    assertEquals([forced.code, forced.stdout], [0, ""]);
    assertMatch(forced.stderr, /^"[^"]+out\.gguf": [\d.]+ [kM]B, [\d.]+ % of/);
    const twice = await cria(["quantize", out, `${folder}/b`, "--type", "Q4_1", "--quiet"]);
    assertEquals([twice.code, twice.stdout], [1, ""]);
    assertMatch(twice.stderr, /it is Q4_0 already.*--allow-requantize[^\n]*\n$/);
    const ran = await criaJson(["run", out, "-p", "a", "-n", "2", "--threads", "1"]);
    assertEquals((ran.tokens as number[]).length, 2);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

sharedTest("cria quantize --report: tensors and perplexity in 80 columns", SMALL, async (path) => {
  const folder = await Deno.makeTempDir();
  try {
    const text = `${folder}/text.txt`, out = `${folder}/out.gguf`;
    await Deno.writeTextFile(text, "Once upon a time there was a fox who lived in a wood.");
    const args = ["quantize", path, out, "--type", "int8", "--report"];
    const shown = await cria([...args, "--quiet"]);
    assertEquals([shown.code, shown.stderr], [0, ""]);
    for (const line of shown.stdout.split("\n")) assert([...line].length <= 80, line);
    assertMatch(shown.stdout, /^token_embd\.weight +Q8_0 +[\d.]+ dB +\d\.\d\de-\d+$/m);
    assertMatch(shown.stdout, /^output_norm\.weight +F32 +exact +0$/m);
    assertMatch(shown.stdout, /^perplexity before [\d.]+, after [\d.]+ \(-?[\d.]+ %\)$/m);
    const result = await criaJson([...args, "--force", "--calibrate", text]);
    const { before, after, ...rest } = result.perplexity as Record<string, number>;
    for (const [model, found] of [[path, before], [out, after]] as const) {
      const alone = await criaJson(["perplexity", model, "-f", text, "--kv", "f32"]);
      assertEquals([alone.perplexity, alone.tokens], [found, rest.tokens]);
    }
    const inspected = await criaJson(["inspect", out]);
    const metadata = inspected.metadata as Record<string, unknown>;
    assertEquals(metadata["cria.int8.clipping"], "mse");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

function sizeOf(path: string): number {
  return Deno.statSync(path).size;
}

sharedTest("Ctrl-C in the middle of cria quantize leaves nothing", SMOLLM2, async (path) => {
  const folder = await Deno.makeTempDir();
  try {
    const args = ["run", "-A", `--config=${ROOT}/deno.json`, `${ROOT}/src/cli/main.ts`, "quantize"];
    const child = new Deno.Command(Deno.execPath(), {
      args: [...args, path, `${folder}/out.gguf`, "--type", "Q8_0", "--threads", "1"],
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const stderr = new Response(child.stderr).text();
    while ([...Deno.readDirSync(folder)].length === 0) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    child.kill("SIGINT");
    const { code } = await child.status;
    assertEquals([code, await stderr], [130, ""]);
    assert([...Deno.readDirSync(folder)].length === 0);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
