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
  /** What norms lack in safetensors, where they are stored as what they differ from it. */
  readonly normOffset?: 1;
  /** The gate's activation; SiLU if left out. */
  readonly activation?: Activation;
  /** What embeddings are multiplied by, given the embedding length; 1 if left out. */
  readonly embeddingScale?: (dim: number) => number;
  /** Which layers see only `attention.sliding_window` positions; none if left out. */
  readonly windows?: Windows;
  /** Soft caps of a file that does not name them; none if left out. */
  readonly softCaps?: { readonly attention: number; readonly logits: number };
  /** What scores are divided by the root of; a head's dimensions if left out. */
  readonly scoreDims?: (sizes: {
    readonly layerCount: number;
    readonly dim: number;
    readonly headCount: number;
    readonly headDim: number;
  }) => number;
}

/** Layers that see a window only. */
export interface Windows {
  /** Every n-th layer sees all nevertheless; 0: none does. */
  readonly fullEvery: number;
  /** The window of a file that does not name one; 0: none. */
  readonly fallback: number;
  /** The base of RoPE in windowed layers, which no scaling stretches; the file's if left out. */
  readonly ropeBase?: number;
}

const root = (dim: number) => Math.fround(Math.sqrt(dim));

/** Every architecture that cria runs, one row each. */
export const ARCHITECTURES: readonly Architecture[] = [
  {
    name: "llama",
    ropePairs: "neighbours",
    windows: { fullEvery: 0, fallback: 0 },
  },
  { name: "qwen2", ropePairs: "halves", windows: { fullEvery: 0, fallback: 0 } },
  { name: "qwen3", ropePairs: "halves", windows: { fullEvery: 0, fallback: 0 } },
  { name: "qwen3moe", ropePairs: "halves", windows: { fullEvery: 0, fallback: 0 } },
  {
    name: "gemma2",
    ropePairs: "halves",
    normOffset: 1,
    activation: "gelu",
    embeddingScale: root,
    windows: { fullEvery: 2, fallback: 4096 },
    softCaps: { attention: 50, logits: 30 },
    // the largest model, told by its layers, was trained so
    scoreDims: ({ layerCount, dim, headCount, headDim }) =>
      layerCount === 46 ? dim / headCount : headDim,
  },
  {
    name: "gemma3",
    ropePairs: "halves",
    normOffset: 1,
    activation: "gelu",
    embeddingScale: root,
    windows: { fullEvery: 6, fallback: 0, ropeBase: 10000 },
    scoreDims: ({ layerCount, dim, headCount, headDim }) =>
      layerCount === 62 ? dim / headCount : headDim,
  },
  { name: "phi3", ropePairs: "halves", windows: { fullEvery: 0, fallback: 0 } },
];

/**
 * The row of an architecture.
 * @param name `general.architecture` as the file has it
 * @returns the row, or undefined where cria has none
 */
export function architectureByName(name: string): Architecture | undefined {
  return ARCHITECTURES.find((row) => row.name === name);
}
