/** Tests of reading and refusing model configs. @module */

import { assertEquals, assertThrows } from "@std/assert";
import { ModelError } from "../../src/errors.ts";
import { ARCHITECTURES } from "../../src/model/architectures.ts";
import { isWindowed, readConfig } from "../../src/model/config.ts";
import { requiredTensors } from "../../src/model/names.ts";
import { noFloats, tinyLlama } from "./fixture.ts";

Deno.test("a tiny llama reads as numbers and flags", () => {
  const config = readConfig(tinyLlama(), noFloats);
  assertEquals(config, {
    architecture: "llama",
    layerCount: 2,
    dim: 64,
    headCount: 4,
    kvHeadCount: 2,
    headDim: 16,
    feedForwardDim: 172,
    vocabularySize: 320,
    contextLength: 256,
    normEpsilon: Math.fround(1e-5),
    rope: { base: 10000, dims: 16, pairs: "neighbours", scaling: { kind: "none" } },
    scoreScale: 0.25,
    activation: "silu",
    embeddingScale: 1,
    tied: false,
    qkvBias: false,
    outputBias: false,
    ffnBias: false,
    qkNorm: false,
    postNorms: false,
    fusedQkv: false,
    fusedGateUp: false,
  });
  assertEquals(requiredTensors(config).length, 21);
});

Deno.test("numbers may be 64-bit", () => {
  const file = tinyLlama();
  file.metadata.set("llama.block_count", 2n);
  assertEquals(readConfig(file, noFloats).layerCount, 2);
});

Deno.test("a missing output matrix means a tied one", () => {
  const file = tinyLlama();
  file.tensors.delete("output.weight");
  assertEquals(readConfig(file, noFloats).tied, true);
});

Deno.test("a ranker's rows are a copy of the embedding's, where that is the output matrix", () => {
  const file = tinyLlama();
  file.tensors.set("cls.output.weight", { shape: [2, 64] });
  assertThrows(() => readConfig(file, noFloats), ModelError, '"cls.output.weight" has no use');
  file.tensors.delete("output.weight");
  assertEquals(readConfig(file, noFloats).tied, true);
  file.tensors.set("cls.weight", { shape: [64, 64] });
  assertThrows(() => readConfig(file, noFloats), ModelError, '"cls.weight" has no use');
});

Deno.test("sliding window and frequency factors are read", () => {
  const file = tinyLlama();
  file.metadata.set("llama.attention.sliding_window", 8);
  file.tensors.set("rope_freqs.weight", { shape: [8] });
  const config = readConfig(file, () => new Float32Array(8).fill(2));
  assertEquals(config.slidingWindow, 8);
  assertEquals(config.rope.factors, new Float32Array(8).fill(2));
});

Deno.test("yarn reads llama.cpp's keys and defaults", () => {
  const file = tinyLlama();
  file.metadata.set("llama.rope.scaling.type", "yarn");
  file.metadata.set("llama.rope.scaling.factor", 4);
  file.metadata.set("llama.rope.scaling.original_context_length", 64);
  assertEquals(readConfig(file, noFloats).rope.scaling, {
    kind: "yarn",
    factor: 4,
    originalContext: 64,
    betaFast: 32,
    betaSlow: 1,
    extrapolation: 1,
    attentionFactor: 1,
  });
});

/** The tiny model under another architecture's name. */
function tinyOf(name: string): File {
  const file = tinyLlama();
  for (const [key, value] of [...file.metadata]) {
    file.metadata.set(key.replace("llama.", name + "."), value);
  }
  file.metadata.set("general.architecture", name);
  return file;
}

Deno.test("dynamic scaling reads the factor, and the context that it is of", () => {
  const file = tinyLlama();
  file.metadata.set("llama.rope.scaling.type", "dynamic");
  file.metadata.set("llama.rope.scaling.factor", 2);
  const { scaling } = readConfig(file, noFloats).rope;
  assertEquals(scaling, { kind: "dynamic", factor: 2, originalContext: 256 });
});

Deno.test("windows, caps and scales come from the row where the file does not name them", () => {
  const file = tinyOf("gemma2"), config = readConfig(file, noFloats);
  assertEquals(config.slidingWindow, 4096);
  assertEquals([0, 1].map((i) => isWindowed(config, i)), [true, false]);
  assertEquals([config.attentionSoftcap, config.logitSoftcap], [50, 30]);
  assertEquals([config.embeddingScale, config.activation], [8, "gelu"]);
  file.metadata.set("gemma2.final_logit_softcapping", 0);
  file.metadata.set("gemma2.attention.sliding_window", 7);
  const other = readConfig(file, noFloats);
  assertEquals([other.logitSoftcap, other.slidingWindow], [undefined, 7]);
  file.metadata.set("gemma2.attention.sliding_window_pattern", [false, true]);
  assertEquals([0, 1].map((i) => isWindowed(readConfig(file, noFloats), i)), [false, true]);
  file.metadata.set("gemma2.attention.sliding_window_pattern", [true]);
  assertThrows(() => readConfig(file, noFloats), ModelError, "is not 2 times true or false");
});

Deno.test("windowed layers may have rotations of their own", () => {
  const file = tinyOf("gemma3");
  file.metadata.set("gemma3.rope.freq_base", 1e6);
  file.metadata.set("gemma3.rope.scaling.factor", 8);
  file.metadata.set("gemma3.attention.sliding_window", 5);
  file.metadata.set("gemma3.attention.sliding_window_pattern", 2);
  const config = readConfig(file, noFloats);
  assertEquals([config.rope.base, config.rope.scaling.kind], [1e6, "linear"]);
  assertEquals([config.localRope?.base, config.localRope?.scaling.kind], [10000, "none"]);
  assertEquals([0, 1].map((i) => isWindowed(config, i)), [true, false]);
});

Deno.test("biases and head norms are found by their tensors", () => {
  const file = tinyLlama();
  for (let layer = 0; layer < 2; layer++) {
    file.tensors.set(`blk.${layer}.attn_q.bias`, { shape: [64] });
    file.tensors.set(`blk.${layer}.attn_k.bias`, { shape: [32] });
    file.tensors.set(`blk.${layer}.attn_v.bias`, { shape: [32] });
    file.tensors.set(`blk.${layer}.attn_q_norm.weight`, { shape: [16] });
    file.tensors.set(`blk.${layer}.attn_k_norm.weight`, { shape: [16] });
  }
  const config = readConfig(file, noFloats);
  assertEquals([config.qkvBias, config.qkNorm], [true, true]);
});

for (const { name } of ARCHITECTURES) {
  Deno.test(`architecture ${name} reads keys under its own prefix`, () => {
    assertEquals(readConfig(tinyOf(name), noFloats).architecture, name);
  });
}

type File = ReturnType<typeof tinyLlama>;

function setExperts({ metadata }: File, count: number, used: number): File["metadata"] {
  return metadata.set("llama.expert_count", count).set("llama.expert_used_count", used);
}

/** What is broken, how, and what the message must name. */
const FAULTS: [string, (file: File) => void, string][] = [
  ["no architecture", (f) => f.metadata.delete("general.architecture"), "general.architecture"],
  ["unknown", (f) => f.metadata.set("general.architecture", "zzz"), '"zzz": supported are llama'],
  ["hostile name", (f) => f.metadata.set("general.architecture", "a\n".repeat(99)), "\\n"],
  ["a number", (f) => f.metadata.set("general.architecture", 7), "general.architecture"],
  ["no layers", (f) => f.metadata.set("llama.block_count", 0), "block_count"],
  ["2^32-1 layers", (f) => f.metadata.set("llama.block_count", 4294967295), "4294967295"],
  ["2^63 layers", (f) => f.metadata.set("llama.block_count", 2n ** 63n), "block_count"],
  ["a text", (f) => f.metadata.set("llama.block_count", "2"), "block_count"],
  ["a fraction", (f) => f.metadata.set("llama.block_count", 1.5), "block_count"],
  ["no dim", (f) => f.metadata.delete("llama.embedding_length"), "embedding_length"],
  ["dim 0", (f) => f.metadata.set("llama.embedding_length", 0), "embedding_length"],
  ["dim 66", (f) => f.metadata.set("llama.embedding_length", 66), "not a multiple"],
  ["heads 0", (f) => f.metadata.set("llama.attention.head_count", 0), "head_count"],
  ["heads by layer", (f) => f.metadata.set("llama.attention.head_count", [4, 4]), "array of 2"],
  ["kv heads 3", (f) => f.metadata.set("llama.attention.head_count_kv", 3), "does not divide"],
  ["value dim", (f) => f.metadata.set("llama.attention.value_length", 32), "value_length"],
  ["odd rope", (f) => f.metadata.set("llama.rope.dimension_count", 15), "odd"],
  ["wide rope", (f) => f.metadata.set("llama.rope.dimension_count", 18), "dimension_count"],
  ["base NaN", (f) => f.metadata.set("llama.rope.freq_base", NaN), "NaN"],
  ["scaling", (f) => f.metadata.set("llama.rope.scaling.type", "longrope"), '"longrope"'],
  ["cap", (f) => f.metadata.set("llama.attn_logit_softcapping", -1), "attn_logit_softcapping"],
  ["half a pair", (f) => f.tensors.set("rope_factors_long.weight", { shape: [8] }), "_short"],
  ["post norm", (f) => f.tensors.set("blk.0.post_attention_norm.weight", { shape: [64] }), "post_"],
  ["fused", (f) => f.tensors.set("blk.0.attn_qkv.weight", { shape: [64, 64] }), "attn_qkv"],
  ["factor 0", (f) => f.metadata.set("llama.rope.scaling.factor", 0), "scaling.factor"],
  ["epsilon", (f) => f.metadata.set("llama.attention.layer_norm_rms_epsilon", -1), "epsilon"],
  ["experts", (f) => f.metadata.set("llama.expert_count", 4), "expert_used_count"],
  ["2000 experts", (f) => f.metadata.set("llama.expert_count", 2000), "expert_count"],
  ["5 of 4 experts", (f) => setExperts(f, 4, 5), '"llama.expert_used_count": 5'],
  ["dense tensors", (f) => setExperts(f, 4, 2), "blk.0.ffn_gate_inp.weight"],
  ["no flag", (f) => setExperts(f, 4, 2).set("llama.expert_weights_norm", 1), "true or false"],
  ["no embedding", (f) => f.tensors.delete("token_embd.weight"), "token_embd.weight"],
  ["tokens", (f) => f.metadata.set("tokenizer.ggml.tokens", ["a"]), "1 tokens for 320 rows"],
  ["no ffn_down", (f) => f.tensors.delete("blk.1.ffn_down.weight"), "blk.1.ffn_down.weight"],
  ["shape", (f) => f.tensors.set("blk.0.attn_q.weight", { shape: [16, 64] }), "[16,64]"],
  ["rank", (f) => f.tensors.set("output_norm.weight", { shape: [1, 64] }), "output_norm"],
  ["third layer", (f) => f.tensors.set("blk.2.attn_q.weight", { shape: [64, 64] }), "blk.2."],
  ["one bias", (f) => f.tensors.set("blk.0.attn_q.bias", { shape: [64] }), "blk.1.attn_q.bias"],
  ["factors", (f) => f.tensors.set("rope_freqs.weight", { shape: [2 ** 40] }), "rope_freqs"],
];

for (const [what, spoil, mention] of FAULTS) {
  Deno.test(`a config is refused in one line: ${what}`, () => {
    const file = tinyLlama();
    spoil(file);
    const error = assertThrows(() => readConfig(file, noFloats), ModelError);
    assertEquals(error.message.includes(mention), true, error.message);
    assertEquals(error.message.includes("\n"), false);
    assertEquals(error.message.startsWith("Cannot "), true, error.message);
  });
}

Deno.test("frequency factors must be finite and positive", () => {
  const file = tinyLlama();
  file.tensors.set("rope_freqs.weight", { shape: [8] });
  for (const bad of [0, -1, NaN, Infinity]) {
    assertThrows(() => readConfig(file, () => new Float32Array(8).fill(bad)), ModelError);
  }
});
