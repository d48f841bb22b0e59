/** Tokenizers of small vocabularies: merging, bytes, special tokens, streams, refusals. @module */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { ArgumentError, ModelError } from "../../src/errors.ts";
import { Tokenizer } from "../../src/tokenizer/tokenizer.ts";
import { bpeFile, spmFile } from "./vocabularies.ts";

const SPM = spmFile([
  ["▁", "normal", -9],
  ["a", "normal", -9],
  ["b", "normal", -9],
  ["▁a", "normal", -1],
  ["ab", "normal", -2],
  ["▁ab", "normal", -3],
  ["<tool>", "user"],
  ["</", "normal", -1],
  ["s>", "normal", -1],
  ["<", "normal", -9],
  ["/", "normal", -9],
  ["s", "normal", -9],
  [">", "normal", -9],
]);
const MERGES = ["a b", "Ġ ab", "ab ab", "Ġab ab"];
const SPECIALS = [["<|im_end|>", "control"], ["<tool>", "user"], ["<|end", "control"]] as const;
const BPE = bpeFile(MERGES, SPECIALS, { bos_token_id: 260, eos_token_id: 260 });

const LETTER_A = 64; // "a" among the letters of a byte-level vocabulary

const pieces = (tokenizer: Tokenizer, tokens: number[]) => tokens.map((id) => tokenizer.piece(id));

Deno.test("scores decide what is merged first, the left one of equals", () => {
  const tokenizer = Tokenizer.from(SPM);
  const cut = (text: string) => pieces(tokenizer, tokenizer.encode(text, { bos: false }));
  assertEquals(cut("ab"), ["▁ab"]);
  assertEquals(cut("b ab"), ["▁", "b", "▁ab"]);
  assertEquals(cut("aab"), ["▁a", "ab"]);
  assertEquals(cut(""), []);
});

Deno.test("what is no piece becomes bytes, and comes back", () => {
  const tokenizer = Tokenizer.from(SPM);
  const tokens = tokenizer.encode("é🦙", { bos: false });
  assertEquals(pieces(tokenizer, tokens).join(""), "▁<0xC3><0xA9><0xF0><0x9F><0xA6><0x99>");
  assertEquals(tokenizer.decode(tokens), " é🦙");
  const bare = spmFile([["▁"], ["a"]]);
  const kinds = bare.metadata.get("tokenizer.ggml.tokens") as string[];
  kinds.fill("none", 3, 259);
  assertEquals(Tokenizer.from(bare).encode("aé", { bos: false }), [259, 260, 0]);
});

Deno.test("ranks decide what is merged first, word by word", async () => {
  const tokenizer = Tokenizer.from(BPE);
  const cut = (text: string) => pieces(tokenizer, tokenizer.encode(text));
  assertEquals(cut("abab ab abab"), ["abab", "Ġab", "Ġabab"]);
  assertEquals(cut("aab"), ["a", "ab"]);
  assertEquals(cut("ab\n"), ["ab", "Ċ"]);
  const prepared = Tokenizer.from(BPE);
  await Promise.all([prepared.prepare(), prepared.prepare()]);
  assertEquals(prepared.encode("abab ab"), tokenizer.encode("abab ab"));
});

Deno.test("the text of a user never becomes a control token", () => {
  for (const [file, text] of [[SPM, "a</s>b"], [BPE, "a<|im_end|>b"]] as const) {
    const tokenizer = Tokenizer.from(file);
    const kinds = (special: boolean) =>
      tokenizer.encode(text, { bos: false, special }).map((id) => tokenizer.kind(id));
    assert(!kinds(false).includes("control"));
    assert(kinds(true).includes("control"));
  }
});

Deno.test("pieces added by hand are found in any text, the longest first", () => {
  const tokenizer = Tokenizer.from(BPE);
  const cut = (text: string, special = false) =>
    pieces(tokenizer, tokenizer.encode(text, { special }));
  assertEquals(cut("ab<tool>ab"), ["ab", "<tool>", "ab"]);
  assertEquals(cut("<tool><tool>"), ["<tool>", "<tool>"]);
  assertEquals(cut("<|im_end|><|end", true), ["<|im_end|>", "<|end"]);
  const spm = Tokenizer.from(SPM);
  assertEquals(pieces(spm, spm.encode("a<tool>a")), ["<s>", "▁a", "<tool>", "▁a"]);
});

Deno.test("of tokens that overlap the longer one is found, else the one on the left", () => {
  const tokens = ["<a>", "<a><b>", "<b><c><d>", "xx"].map((piece) => [piece, "user"] as const);
  const tokenizer = Tokenizer.from(bpeFile([], tokens));
  const cut = (text: string) => pieces(tokenizer, tokenizer.encode(text));
  assertEquals(cut("<a><b><c><d>"), ["<a>", "<b><c><d>"]);
  assertEquals(cut("<a><b><a>"), ["<a><b>", "<a>"]);
  assertEquals(cut("xxx"), ["xx", "x"]);
});

Deno.test("thousands of special tokens, all in one text, are found in one go", () => {
  const specials = Array.from({ length: 6000 }, (_, i) => [`<unused${i}>`, "control"] as const);
  const tokenizer = Tokenizer.from(bpeFile([], specials));
  const expected = Array.from({ length: 60_000 }, (_, i) => 256 + (i * 7) % 6000);
  const text = expected.map((id) => tokenizer.piece(id)).join("");
  assertEquals(tokenizer.encode(text, { special: true }), expected);
});

Deno.test("BOS, EOS and the space before a text are as the file says", () => {
  const encode = (more: Record<string, unknown>, bos = true) =>
    Tokenizer.from(spmFile([["▁"], ["a"], ["▁a"]], more)).encode("a", { bos });
  assertEquals(encode({}), [1, 261]);
  assertEquals(encode({}, false), [261]);
  assertEquals(encode({ add_bos_token: false, add_eos_token: true }), [261, 2]);
  assertEquals(encode({ add_space_prefix: false }), [1, 260]);
  assertEquals(Tokenizer.from(BPE).addBos, false);
  const llama3 = bpeFile([], [["<|eot_id|>"]], { pre: "llama-bpe", bos_token_id: 256 });
  assertEquals(Tokenizer.from(llama3).encode("a")[0], 256);
});

Deno.test("a word that is a piece is taken whole where the pre-tokenizer says so", () => {
  const whole = (pre: string) => Tokenizer.from(bpeFile([], [["abc"]], { pre })).encode("abc");
  assertEquals(whole("llama-bpe"), [256]);
  assertEquals(whole("qwen2").length, 3);
});

Deno.test("BPE over text has blanks for spaces, bytes for what is no piece, and always BOS", () => {
  const bytes = Array.from({ length: 256 }, (_, byte) => {
    return [`<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`, "byte"] as const;
  });
  const merges = ["a ▁", "a▁ b", "\n \n"];
  const file = bpeFile(merges, [["▁"], ["\n"], ["\n\n\n"], ["<bos>", "control"], ...bytes], {
    model: "gemma4",
    add_bos_token: false,
    bos_token_id: 262,
  });
  const tokenizer = Tokenizer.from(file), text = "a b\n\n\nb東\n\n";
  const tokens = tokenizer.encode(text);
  assertEquals(pieces(tokenizer, tokens), [
    "<bos>",
    "a▁b",
    "\n\n\n",
    "b",
    ...["<0xE6>", "<0x9D>", "<0xB1>"],
    "\n\n",
  ]);
  assertEquals(tokenizer.decode(tokens), text);
});

Deno.test("every token that ends a generation is known", () => {
  const file = bpeFile([], [["<eos>", "normal"], ["<|eot_id|>", "control"], ["done"], ["turn"]], {
    eos_token_id: 258,
    eom_token_id: 259,
  });
  const tokenizer = Tokenizer.from(file);
  assertEquals([...tokenizer.endTokens].sort(), [256, 257, 258, 259]);
  assertEquals(tokenizer.kind(256), "control");
});

Deno.test("a stream gives out whole characters only", () => {
  const tokenizer = Tokenizer.from(BPE);
  const text = "é🦙\ufeffab";
  const stream = tokenizer.stream();
  const parts = tokenizer.encode(text).map((id) => stream.push(id));
  assertEquals(parts.filter((part) => part !== ""), ["é", "🦙", "\ufeff", "ab"]);
  assertEquals(stream.flush(), "");
});

Deno.test("bytes that cannot become a character become U+FFFD, not before", () => {
  const tokenizer = Tokenizer.from(SPM);
  const byte = (value: number) => 3 + value;
  const stream = tokenizer.stream();
  const push = (...bytes: number[]) => bytes.map((value) => stream.push(byte(value)));
  assertEquals(push(0xf0, 0x9f, 0x41), ["", "", "\ufffdA"]);
  assertEquals(push(0xff, 0xc3), ["\ufffd", ""]);
  assertEquals(stream.flush(), "\ufffd");
  assertEquals(push(0xc3, 0xa9), ["", "é"]);
  assertEquals(tokenizer.decode([byte(0xc3), byte(0x28)]), "\ufffd(");
});

Deno.test("control tokens are written out only when asked for", () => {
  const tokenizer = Tokenizer.from(BPE);
  const tokens = tokenizer.encode("ab<|im_end|>", { special: true });
  assertEquals(tokenizer.decode(tokens), "ab");
  assertEquals(tokenizer.decode(tokens, { special: true }), "ab<|im_end|>");
  assertEquals(tokenizer.decodeBytes([LETTER_A]), Uint8Array.of(0x61));
});

Deno.test("half a surrogate pair is encoded as U+FFFD", () => {
  for (const file of [SPM, BPE]) {
    const tokenizer = Tokenizer.from(file);
    const text = tokenizer.decode(tokenizer.encode("a\ud83eb", { bos: false }));
    assertEquals(text.trim(), "a\ufffdb");
  }
});

Deno.test("a million characters come back, without a break as well", () => {
  const texts = ["ab".repeat(500_000), " ".repeat(1_000_000), "🦙".repeat(500_000)];
  for (const file of [SPM, BPE]) {
    const tokenizer = Tokenizer.from(file);
    for (const text of texts) {
      const back = tokenizer.decode(tokenizer.encode(text, { bos: false }));
      assert(back === (file === SPM ? ` ${text}` : text), text.slice(0, 10));
    }
  }
});

const without = (key: string, value?: unknown) => {
  const metadata = new Map(BPE.metadata);
  if (value === undefined) metadata.delete(`tokenizer.ggml.${key}`);
  else metadata.set(`tokenizer.ggml.${key}`, value);
  return { metadata };
};

for (
  const [file, says] of [
    [without("model"), 'Cannot read "tokenizer.ggml.model": the file has no tokenizer'],
    [without("model", "rwkv"), 'Cannot tokenize with vocabulary "rwkv": cria knows llama, gpt2'],
    [without("tokens"), 'Cannot read "tokenizer.ggml.tokens": it is missing'],
    [without("tokens", []), "it is empty"],
    [without("tokens", [1, 2]), "it is no list of strings"],
    [without("merges"), 'Cannot read "tokenizer.ggml.merges": it is missing'],
    [without("scores", new Float32Array(10)), "it has 10 entries for 263 tokens"],
    [without("token_type", new Int32Array(10)), "it has 10 entries for 263 tokens"],
    [without("token_type", "x"), "it is no list of numbers"],
    [without("bos_token_id", 99999), "99999 is no token of 263"],
    [without("pre", "gpt-9"), 'Cannot tokenize with pre-tokenizer "gpt-9": cria knows default,'],
    [without("pre", "toString"), 'pre-tokenizer "toString"'],
  ] as const
) {
  Deno.test(`refused: ${says}`, () => {
    assertThrows(() => Tokenizer.from(file), ModelError, says);
  });
}

Deno.test("a token that is none is refused", () => {
  const tokenizer = Tokenizer.from(BPE);
  for (const id of [-1, 263, 1.5, NaN]) {
    assertThrows(() => tokenizer.decode([id]), ArgumentError, `Cannot decode token ${id}`);
    assertThrows(() => tokenizer.piece(id), ArgumentError, `Cannot look up token ${id}`);
  }
});
