/** The table of architectures: what a model file cannot say about itself. @module */

/** How RoPE pairs the dimensions of a head: (2i, 2i + 1), or (i, i + dims / 2). */
export type RopePairs = "neighbours" | "halves";

/** The gate of the feed-forward block: SiLU, or GELU in its tanh form. */
export type Activation = "silu" | "gelu";

/** One architecture: everything that neither the numbers nor the tensors of a file tell. */
export interface Architecture {
  /** `general.architecture` of the file, and the prefix of its keys. */
  readonly name: string;
  /** How RoPE pairs dimensions in a GGUF of this architecture. */
  readonly ropePairs: RopePairs;
  /** The gate's activation. */
  readonly activation: Activation;
  /** What embeddings are multiplied by, given the embedding length. */
  readonly embeddingScale: (dim: number) => number;
  /** Which layers see only `attention.sliding_window` positions, if the file names a window. */
  readonly windowedLayers: "all" | "none";
}

/** Every architecture that cria runs, one row each. */
export const ARCHITECTURES: readonly Architecture[] = [
  {
    name: "llama",
    ropePairs: "neighbours",
    activation: "silu",
    embeddingScale: () => 1,
    windowedLayers: "all",
  },
  {
    name: "qwen2",
    ropePairs: "halves",
    activation: "silu",
    embeddingScale: () => 1,
    windowedLayers: "none",
  },
  {
    name: "qwen3",
    ropePairs: "halves",
    activation: "silu",
    embeddingScale: () => 1,
    windowedLayers: "none",
  },
  {
    name: "qwen3moe",
    ropePairs: "halves",
    activation: "silu",
    embeddingScale: () => 1,
    windowedLayers: "none",
  },
];

/**
 * The row of an architecture.
 * @param name `general.architecture` as the file has it
 * @returns the row, or undefined where cria has none
 */
export function architectureByName(name: string): Architecture | undefined {
  return ARCHITECTURES.find((row) => row.name === name);
}
