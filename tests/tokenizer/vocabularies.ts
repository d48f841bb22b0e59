/** Vocabularies for tests: small ones made here, and packed ones of the shared folder. @module */

import type { ModelFile } from "../../src/format/file.ts";
import { openGguf } from "../../src/format/gguf.ts";

/** Opens a GGUF file that is packed by gzip: it is unpacked for the moment of opening. */
export async function openPacked(path: string): Promise<ModelFile> {
  const unpacked = await Deno.makeTempFile({ prefix: "cria-", suffix: ".gguf" });
  try {
    const file = await Deno.open(path);
    await Deno.writeFile(unpacked, file.readable.pipeThrough(new DecompressionStream("gzip")));
    return await openGguf(unpacked);
  } finally {
    await Deno.remove(unpacked);
  }
}

const KINDS = { normal: 1, unknown: 2, control: 3, user: 4, unused: 5, byte: 6 } as const;

/** A piece with its kind and, for vocabularies with scores, its score. */
export type Piece = readonly [text: string, kind?: keyof typeof KINDS, score?: number];

/** A file with nothing but such metadata. */
export interface VocabularyFile {
  readonly metadata: Map<string, unknown>;
}

function file(model: string, pieces: readonly Piece[], more: Record<string, unknown>) {
  return {
    metadata: new Map<string, unknown>([
      ["tokenizer.ggml.model", model],
      ["tokenizer.ggml.tokens", pieces.map(([text]) => text)],
      ["tokenizer.ggml.scores", Float32Array.from(pieces, ([, , score]) => score ?? 0)],
      ["tokenizer.ggml.token_type", Int32Array.from(pieces, ([, kind]) => KINDS[kind ?? "normal"])],
      ...Object.entries(more).map(([key, value]) => [`tokenizer.ggml.${key}`, value] as const),
    ]),
  };
}

const BYTES: readonly Piece[] = Array.from({ length: 256 }, (_, byte) => {
  return [`<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`, "byte"];
});

/** A vocabulary with scores: 0 to 2 unknown, BOS and EOS, 3 to 258 bytes, then `pieces`. */
export function spmFile(pieces: readonly Piece[], more: Record<string, unknown> = {}) {
  const first: Piece[] = [["<unk>", "unknown"], ["<s>", "control"], ["</s>", "control"]];
  return file("llama", [...first, ...BYTES, ...pieces], more);
}

/** The letters that stand for bytes, in the order of GPT-2's own vocabulary. */
export const LETTERS: readonly string[] = (() => {
  const prints = (byte: number) => (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad);
  const bytes = Array.from({ length: 256 }, (_, byte) => byte);
  return [
    ...bytes.filter(prints).map((byte) => String.fromCharCode(byte)),
    ...bytes.filter((byte) => !prints(byte)).map((_, i) => String.fromCharCode(0x100 + i)),
  ];
})();

/** A byte-level vocabulary: 0 to 255 letters, then what the merges make, then `pieces`. */
export function bpeFile(
  merges: readonly string[],
  pieces: readonly Piece[] = [],
  more: Record<string, unknown> = {},
) {
  const merged = merges.map((merge): Piece => [merge.replace(" ", "")]);
  const all: Piece[] = [...LETTERS.map((letter): Piece => [letter]), ...merged, ...pieces];
  return file("gpt2", all, { merges, pre: "gpt-2", ...more });
}
