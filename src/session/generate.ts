/** The loop that turns a prompt into tokens and text. @module */

import { ArgumentError } from "../errors.ts";
import type { Sampler, SamplerOptions } from "../sampling/sampler.ts";
import type { TokenizerLike } from "./engine.ts";
import type { FinishReason, GenerationResult, GenerationWork, Piece } from "./generation.ts";
import { Pacer } from "./pacer.ts";
import type { Past } from "./past.ts";
import { StopMatcher } from "./stop.ts";

/** How one generation runs; sampler options left out are the session's. */
export interface GenerateOptions extends SamplerOptions {
  /** Most tokens to generate; as many as fit the context, if left out. */
  readonly maxTokens?: number | undefined;
  /** Texts that end the generation; they are not shown, nor is a part of one. */
  readonly stop?: string | readonly string[] | undefined;
  /** Goes on after tokens that end a text. */
  readonly ignoreEos?: boolean | undefined;
  /** Stops the generation, its prompt included. */
  readonly signal?: AbortSignal | undefined;
  /** Gives every piece the logarithm of its token's probability. */
  readonly logprobs?: boolean | undefined;
  /** Hears how many of the prompt's tokens are evaluated. */
  readonly onPromptProgress?: ((done: number, total: number) => void) | undefined;
}

/** What a run is made of. */
export interface RunParts {
  /** The session's past. */
  readonly past: Past;
  /** The model's tokenizer. */
  readonly tokenizer: TokenizerLike;
  /** Chooses the tokens. */
  readonly sampler: Sampler;
  /** The whole prompt, worked out when the run begins. */
  readonly prompt: () => { readonly tokens: readonly number[]; readonly rendered?: string };
}

/** One run of the loop, with what it has come to so far. */
export class Run implements GenerationWork {
  readonly #parts: RunParts;
  readonly #options: GenerateOptions;
  readonly #limit: number;
  readonly #stops: StopMatcher;
  readonly #pacer = new Pacer();
  #prompt: ReturnType<RunParts["prompt"]> = { tokens: [] };
  #tokens: number[] = [];
  #text = "";
  #cachedTokens = 0;
  #stepCount = 0;
  #promptMs = 0;
  #generateMs = 0;

  /**
   * Prepares a run; nothing happens yet.
   * @param parts what it works with
   * @param options how it runs
   * @throws ArgumentError when an option cannot be used
   */
  constructor(parts: RunParts, options: GenerateOptions) {
    const { maxTokens = Infinity, stop = [] } = options;
    if (!(maxTokens === Infinity || (Number.isSafeInteger(maxTokens) && maxTokens >= 0))) {
      throw new ArgumentError(`Cannot generate "maxTokens": ${maxTokens} is not a count`);
    }
    this.#parts = parts;
    this.#options = options;
    this.#limit = maxTokens;
    this.#stops = new StopMatcher(typeof stop === "string" ? [stop] : stop);
  }

  /** The signal that may stop it. */
  get signal(): AbortSignal | undefined {
    return this.#options.signal;
  }

  /** Evaluates the prompt, then samples and evaluates in turn. */
  async *pieces(): AsyncGenerator<Piece, FinishReason, void> {
    const { past } = this.#parts;
    this.signal?.throwIfAborted();
    past.begin();
    try {
      let logits = await this.#readPrompt();
      while (this.#tokens.length < this.#limit) {
        const startMs = performance.now();
        const { piece, ended } = this.#next(logits);
        this.#generateMs += performance.now() - startMs;
        if (piece) yield piece;
        if (ended) return ended;
        await this.#pacer.pause(); // here, not between evaluating and sampling: logits are borrowed
        this.signal?.throwIfAborted();
        logits = await this.#step();
      }
      return "length";
    } finally {
      past.end();
    }
  }

  /** What there is so far. */
  result(finishReason: FinishReason): GenerationResult {
    const { tokens: promptTokens, ...rendered } = this.#prompt;
    const promptCount = promptTokens.length - this.#cachedTokens;
    return {
      text: this.#text,
      tokens: this.#tokens,
      promptTokens,
      finishReason,
      timings: {
        promptMs: this.#promptMs,
        promptPerSecond: perSecond(promptCount, this.#promptMs),
        generateMs: this.#generateMs,
        generatePerSecond: perSecond(this.#stepCount, this.#generateMs),
        cachedTokens: this.#cachedTokens,
      },
      seed: this.#parts.sampler.seed,
      ...rendered,
    };
  }

  /** Brings the prompt into the cache, as far as it is not there. */
  async #readPrompt(): Promise<Float32Array> {
    const { past, prompt } = this.#parts;
    const startMs = performance.now();
    this.#prompt = prompt();
    const { tokens } = this.#prompt;
    if (tokens.length === 0) throw new ArgumentError(`Cannot generate from "": no tokens`);
    const room = this.#limit > 0 ? 1 : 0;
    const { logits, cachedTokens } = await past.advance(tokens, room, {
      signal: this.signal,
      onProgress: this.#options.onPromptProgress,
    });
    this.#cachedTokens = cachedTokens;
    this.#promptMs = performance.now() - startMs;
    return logits;
  }

  /** Samples one token; says with which piece, and why it is the last. */
  #next(logits: Float32Array): { piece?: Piece; ended?: FinishReason } {
    const { past, tokenizer, sampler } = this.#parts;
    const token = sampler.sample(logits, past.tokens);
    const score = this.#options.logprobs ? { logprob: logProbability(logits, token) } : {};
    if (!this.#options.ignoreEos && tokenizer.endTokens.has(token)) {
      const text = this.#show("", true);
      return text === "" ? { ended: "stop" } : { piece: { text, token, ...score }, ended: "stop" };
    }
    past.append(token);
    this.#tokens.push(token);
    const full = this.#tokens.length === this.#limit || past.tokens.length === past.capacity;
    const piece = { text: this.#show(this.#stream.push(token), full), token, ...score };
    if (this.#stops.stopped) return { piece, ended: "stop" };
    return full ? { piece, ended: "length" } : { piece };
  }

  /** Passes text by the stop strings; `last` also brings out all that is held back. */
  #show(text: string, last: boolean): string {
    let shown = this.#stops.push(text);
    if (last && !this.#stops.stopped) {
      shown += this.#stops.push(this.#stream.flush());
      shown += this.#stops.flush();
    }
    this.#text += shown;
    return shown;
  }

  /** Evaluates the token that was sampled last. */
  async #step(): Promise<Float32Array> {
    const startMs = performance.now();
    const found = this.#parts.past.step({ signal: this.signal });
    const logits = found instanceof Promise ? await found : found;
    this.#generateMs += performance.now() - startMs;
    this.#stepCount++;
    return logits;
  }

  /** The decoder of this run, made when the first token comes. */
  get #stream(): ReturnType<TokenizerLike["stream"]> {
    return this.#openStream ??= this.#parts.tokenizer.stream();
  }

  #openStream: ReturnType<TokenizerLike["stream"]> | undefined;
}

/** A rate; 0 where nothing was done. */
function perSecond(count: number, ms: number): number {
  return count === 0 || ms === 0 ? 0 : count / ms * 1000;
}

/** ln softmax(logits)[token], in double precision. */
function logProbability(logits: Float32Array, token: number): number {
  const chosen = logits[token]!;
  let sum = 0; // of exp(logit - chosen): at least 1, and only unlikely tokens make it large
  for (let other = 0; other < logits.length; other++) {
    const logit = logits[other]!;
    if (logit > -Infinity) sum += logit === chosen ? 1 : Math.exp(logit - chosen);
  }
  return -Math.log(sum);
}
