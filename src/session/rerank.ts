/** Documents in the order in which they answer a query. @module */

import { PAGE_POSITIONS } from "../cache/pages.ts";
import type { ChatMessage, Segment } from "../chat/template.ts";
import { ArgumentError, ContextError, CriaError } from "../errors.ts";
import { sharedLength } from "../model/sequence.ts";
import { chatTemplateOf } from "./chat_template.ts";
import type { EmbedOptions } from "./embed.ts";
import type { Engine, Sequence } from "./engine.ts";
import { inFlight } from "./in_flight.ts";
import { Pacer } from "./pacer.ts";
import { encodeSegments } from "./prompt.ts";
import { best, cosine, type Ranked } from "./vectors.ts";

/** How documents are ranked. */
export interface RerankOptions extends Omit<EmbedOptions, "normalize"> {
  /**
   * "judge": the model reads query and document together and is asked whether one answers the
   * other; the score is the probability of yes beside no. "embedding": the cosine of their vectors.
   * If left out, "judge" for models whose file says that they rank, else "embedding".
   */
  readonly method?: "judge" | "embedding" | undefined;
  /** What is looked for, in a sentence; for web searches, if left out. */
  readonly instruction?: string | undefined;
  /** The two answers of a judge, each of one token; "yes" and "no", if left out. */
  readonly answers?: readonly [yes: string, no: string] | undefined;
  /** Only so many, the best ones. */
  readonly top?: number | undefined;
}

/** What ranking needs of a model. */
export interface RerankParts {
  readonly engine: Engine;
  readonly metadata: ReadonlyMap<string, unknown>;
  readonly architecture: string;
  /** Most tokens of a prompt. */
  readonly context: number;
  /** Most jobs that the model takes at a time. */
  readonly maxQueue: number;
  /** Pages of the cache that can be had. */
  readonly freePages: () => number;
  readonly embed: (texts: readonly string[], options: EmbedOptions) => Promise<Float32Array[]>;
  /** A new sequence whose pages nobody else gets to see. */
  readonly createSequence: () => Sequence;
}

/** `<architecture>.pooling_type` of a model that ranks. */
const RANK = 4;
/** As many tokens in flight as fill two steps. */
const TOKENS_AHEAD = 512;
const TEXTS_AHEAD = 64;

/*
 * The words that Qwen3-Reranker was trained on, and the prompt of its model card: Zhang et al.,
 * "Qwen3 Embedding", arXiv 2506.05176. Its embedding models want a query's instruction as below.
 */
const SYSTEM = "Judge whether the Document meets the requirements based on the Query and the " +
  "Instruct provided. Note that the answer can only be ";
const INSTRUCTION = "Given a web search query, retrieve relevant passages that answer the query";

/** What is asked of one document. */
interface Question {
  readonly query: string;
  readonly document: string;
  readonly instruction: string | undefined;
  readonly answers: readonly string[];
}

/** Documents in the order in which they answer a query, best first. */
export async function rerank(
  parts: RerankParts,
  query: string,
  documents: readonly string[],
  { method = defaultMethod(parts), top = Infinity, ...options }: RerankOptions,
): Promise<Ranked[]> {
  const scorers: Readonly<Record<string, typeof judge>> = { judge, embedding: compare };
  if (!Object.hasOwn(scorers, method)) {
    const state = `it is none of ${Object.keys(scorers).join(", ")}`;
    throw new ArgumentError(`Cannot rank by ${JSON.stringify(method)}: ${state}`);
  }
  if (!Array.isArray(documents)) {
    throw new ArgumentError(`Cannot rank ${typeof documents}: give a list of documents`);
  }
  if (documents.length === 0) return [];
  return best(await scorers[method]!(parts, query, documents, options), top);
}

function defaultMethod({ metadata, architecture }: RerankParts): "judge" | "embedding" {
  return metadata.get(`${architecture}.pooling_type`) === RANK ? "judge" : "embedding";
}

/** Cosines of the vectors of query and documents. */
async function compare(
  { embed }: RerankParts,
  query: string,
  documents: readonly string[],
  { instruction, ...options }: RerankOptions,
): Promise<number[]> {
  const asked = instruction === undefined ? query : `Instruct: ${instruction}\nQuery: ${query}`;
  const [wanted, ...vectors] = await embed([asked, ...documents], options);
  return vectors.map((vector) => cosine(wanted!, vector));
}

/** Probabilities of yes beside no. What all prompts begin with is read once. */
async function judge(
  parts: RerankParts,
  query: string,
  documents: readonly string[],
  { instruction, answers = ["yes", "no"], priority, signal, onProgress }: RerankOptions,
): Promise<number[]> {
  const { engine, context, createSequence, maxQueue } = parts;
  const [yes, no] = answers.map((answer) => answerToken(engine, answer));
  const prompts: number[][] = [], pacer = new Pacer();
  for (const [index, document] of documents.entries()) {
    const question = { query, document, instruction, answers };
    const tokens = await encodeSegments(engine.tokenizer, promptOf(parts, question));
    if (tokens.length > context) {
      throw new ContextError(tokens.length, context, `judge document ${index + 1}`);
    }
    prompts.push(tokens);
    await pacer.pause();
  }
  using prefix = createSequence();
  const shared = sharedPages(prompts) * PAGE_POSITIONS;
  if (shared > 0) await prefix.evaluate(prompts[0]!.slice(0, shared), { priority, signal });
  const rests = prompts.map((tokens) => tokens.slice(shared)), scores: number[] = [];
  let done = shared;
  const total = rests.reduce((sum, { length }) => sum + length, shared);
  const texts = Math.min(TEXTS_AHEAD, maxQueue), pages = parts.freePages();
  const room = { pages, tokens: TOKENS_AHEAD, texts };
  await inFlight(room, rests, signal, async (tokens, index, signal) => {
    using sequence = prefix.fork();
    const logits = await sequence.evaluate(tokens, { priority, signal });
    scores[index] = 1 / (1 + Math.exp(logits[no!]! - logits[yes!]!));
    onProgress?.(done += tokens.length, total);
  });
  return scores;
}

/** How many whole pages all prompts begin with alike; the last token of each is left. */
function sharedPages(prompts: readonly (readonly number[])[]): number {
  const lengths = prompts.map((tokens) => sharedLength(prompts[0]!, tokens.slice(0, -1)));
  return Math.floor(Math.min(...lengths) / PAGE_POSITIONS);
}

/** The token of an answer. */
function answerToken({ tokenizer }: Engine, answer: string): number {
  const tokens = tokenizer.encode(answer, { bos: false });
  if (tokens.length === 1) return tokens[0]!;
  throw new ArgumentError(
    `Cannot judge by ${JSON.stringify(answer)}: it is ${tokens.length} tokens, not one`,
  );
}

/**
 * What the model is to go on: by the prompt for ranking that its file has, as llama.cpp takes it,
 * else by its chat template.
 */
function promptOf(
  { engine, metadata }: RerankParts,
  { query, document, instruction, answers }: Question,
): readonly Segment[] {
  const own = metadata.get("tokenizer.chat_template.rerank");
  if (typeof own === "string" && instruction === undefined) {
    const texts: Readonly<Record<string, string>> = { "{query}": query, "{document}": document };
    return own.split(/(\{query\}|\{document\})/).map((part, index) =>
      index % 2 === 0 ? { text: part, special: true } : { text: texts[part]!, special: false }
    );
  }
  const system = SYSTEM + answers.map((answer) => JSON.stringify(answer)).join(" or ") + ".";
  const asked = `<Instruct>: ${instruction ?? INSTRUCTION}\n<Query>: ${query}`;
  const user = `${asked}\n<Document>: ${document}`;
  const { template } = chatTemplateOf(engine);
  const render = (messages: readonly ChatMessage[]) => {
    const variables = { enable_thinking: false }; // the answer comes at once
    return template.render(messages, { addGenerationPrompt: true, variables }).segments;
  };
  try {
    return render([{ role: "system", content: system }, { role: "user", content: user }]);
  } catch (error) {
    if (!(error instanceof CriaError)) throw error;
    return render([{ role: "user", content: `${system}\n\n${user}` }]); // some know no system
  }
}
