/** The loop that turns a prompt into tokens and text. @module */

import type { Markers, ReasoningSplitter } from "../chat/reasoning.ts";
import type { ToolParser } from "../chat/tool_parser.ts";
import { ArgumentError } from "../errors.ts";
import type { Grammar } from "../grammar/grammar.ts";
import { USUAL_BREAKERS } from "../sampling/dry.ts";
import type { Choice, Sampler, SamplerOptions } from "../sampling/sampler.ts";
import type { EvaluateOptions, TokenizerLike } from "./engine.ts";
import type { FinishReason, GenerationResult, GenerationWork, Piece } from "./generation.ts";
import { markedStream } from "./marked_stream.ts";
import { Pacer } from "./pacer.ts";
import { Output } from "./output.ts";
import { prepareSpellings } from "./breakers.ts";
import { Constraint, tokenTrie } from "./constraint.ts";
import type { Past } from "./past.ts";
import { dropOldest, type OverflowPolicy, promptRoom, shiftedSize } from "./overflow.ts";
import { type TokenScores, tokenScores } from "./scores.ts";
import { GuessCount, type Guesser, type Speculation } from "./speculate.ts";
import { StopMatcher } from "./stop.ts";
import type { StructureOptions } from "./structure.ts";

export type { OverflowPolicy, Speculation };

/** How one generation runs; sampler options left out are the session's. */
export interface GenerateOptions extends SamplerOptions, StructureOptions {
  /** Most tokens to generate; as many as fit the context, if left out. */
  readonly maxTokens?: number | undefined;
  /** Texts that end the generation; they are not shown, nor is a part of one. */
  readonly stop?: string | readonly string[] | undefined;
  /** Goes on after tokens that end a text. */
  readonly ignoreEos?: boolean | undefined;
  /** What happens where the context ends; "error" if left out. */
  readonly onOverflow?: OverflowPolicy | undefined;
  /**
   * How many of the first tokens are never dropped by `onOverflow`, a system prompt for example;
   * the token before a text, where the model has one, if left out.
   */
  readonly keepTokens?: number | undefined;
  /**
   * Guesses tokens ahead, and checks several in one step: "lookup" guesses what followed the last
   * tokens before; a model of the same vocabulary guesses by itself. It changes speed, no token.
   */
  readonly speculate?: Speculation | undefined;
  /** Higher ones come first where several sessions of a model are at work; 0 if left out. */
  readonly priority?: number | undefined;
  /** Stops the generation, its prompt included. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Gives every piece the logarithm of its token's probability, before the samplers and after
   * them; a number also asks for so many of the likeliest tokens.
   */
  readonly logprobs?: boolean | number | undefined;
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
  /** Guesses at tokens ahead, if it is to; disposed of with the run. */
  readonly guesser?: Guesser | undefined;
  /** What the text must look like. */
  readonly grammar?: Grammar | undefined;
  /** Tokens that count by their spelling: the marks of calls of tools. */
  readonly marks?: readonly string[] | undefined;
  /** Fails where there is no room for a whole text that meets the grammar. */
  readonly mustFit?: boolean | undefined;
  /** The whole prompt, worked out when the run begins. */
  readonly prompt: () => Promise<PromptParts>;
}

/** A prompt, and what goes with it. */
export interface PromptParts {
  readonly tokens: readonly number[];
  readonly rendered?: string;
  readonly reasoning?: Reasoning | undefined;
  readonly tools?: ToolParser | undefined;
}

/** How a run tells what the model thinks from what it answers. */
export interface Reasoning {
  /** Takes the text apart. */
  readonly splitter: ReasoningSplitter;
  /** The tokens of its marks. */
  readonly tokens: readonly string[];
  /** The marks. */
  readonly markers: Markers;
}

/** A step that has run ahead: logits after `from` tokens, and after each guess that follows. */
interface Ahead {
  readonly from: number;
  readonly guesses: readonly number[];
  readonly logits: Float32Array; // [1 + guesses.length, vocabularySize]
}

/** One run of the loop, with what it has come to so far. */
export class Run implements GenerationWork {
  readonly #parts: RunParts;
  readonly #options: GenerateOptions;
  readonly #limit: number;
  readonly #policy: OverflowPolicy;
  readonly #keep: number;
  readonly #stops: StopMatcher;
  readonly #pacer = new Pacer();
  #prompt: PromptParts = { tokens: [] };
  #tokens: number[] = [];
  #output: Output;
  #cachedTokens = 0;
  #stepCount = 0;
  #promptMs = 0;
  #generateMs = 0;
  readonly #scores: (TokenScores & { readonly token: number })[] = [];
  #nonFinite = 0;
  readonly #count = new GuessCount();
  #ahead: Ahead | undefined;
  #constraint: Constraint | undefined;

  /**
   * Prepares a run; nothing happens yet.
   * @param parts what it works with
   * @param options how it runs
   * @throws ArgumentError when an option cannot be used
   */
  constructor(parts: RunParts, options: GenerateOptions) {
    const { maxTokens = Infinity, stop = [], onOverflow = "error", keepTokens } = options;
    if (maxTokens !== Infinity) checkCount("maxTokens", maxTokens, Infinity);
    if (typeof options.logprobs === "number") checkCount("logprobs", options.logprobs, Infinity);
    if (!POLICIES.includes(onOverflow)) {
      const state = `"${onOverflow}" is none of ${POLICIES.join(", ")}`;
      throw new ArgumentError(`Cannot generate with "onOverflow": ${state}`);
    }
    const { tokenizer, past } = parts;
    const mostKept = Math.floor(past.capacity / 2);
    this.#keep = keepTokens ?? Math.min(tokenizer.addBos ? 1 : 0, mostKept);
    checkCount("keepTokens", this.#keep, mostKept);
    this.#policy = onOverflow;
    this.#parts = parts;
    this.#options = options;
    this.#limit = maxTokens;
    this.#stops = new StopMatcher(typeof stop === "string" ? [stop] : stop);
    this.#output = new Output(this.#stops, {});
  }

  /** The signal that may stop it. */
  get signal(): AbortSignal | undefined {
    return this.#options.signal;
  }

  /** How its tokens are evaluated. */
  get #evaluation(): EvaluateOptions {
    return { signal: this.signal, priority: this.#options.priority };
  }

  /** Evaluates the prompt, then samples and evaluates in turn. */
  async *pieces(): AsyncGenerator<Piece, FinishReason, void> {
    const { past } = this.#parts;
    this.signal?.throwIfAborted();
    past.begin();
    try {
      await this.#bind();
      let logits = await this.#readPrompt();
      if (this.#constraint?.isComplete) return "stop";
      this.#letThink();
      while (this.#tokens.length < this.#limit) {
        const startMs = performance.now();
        const { piece, ended } = this.#next(logits);
        this.#generateMs += performance.now() - startMs;
        const shown = this.#output.complete(piece, this.#tokens.at(-1) ?? -1);
        if (shown) yield shown;
        if (ended) return ended;
        await this.#pacer.pause(); // here, not between evaluating and sampling: logits are borrowed
        this.signal?.throwIfAborted();
        logits = await this.#step();
      }
      return "length";
    } finally {
      past.end();
      this.#parts.guesser?.[Symbol.dispose]();
    }
  }

  /** What there is so far. */
  result(finishReason: FinishReason): GenerationResult {
    const { tokens: promptTokens, rendered } = this.#prompt;
    const promptCount = promptTokens.length - this.#cachedTokens;
    const { text, reasoning, toolCalls } = this.#output;
    return {
      text,
      ...reasoning === "" ? {} : { reasoning },
      ...this.#prompt.tools === undefined ? {} : { toolCalls },
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
      ...this.#parts.guesser ? { speculation: this.#speculation } : {},
      ...this.#nonFinite > 0 ? { nonFinite: this.#nonFinite } : {},
      ...isAsked(this.#options.logprobs) ? { logprobs: this.#scores } : {},
      seed: this.#parts.sampler.seed,
      ...rendered === undefined ? {} : { rendered },
    };
  }

  /** Binds the grammar, if there is one, to the vocabulary. */
  async #bind(): Promise<void> {
    const { grammar, tokenizer } = this.#parts;
    const { dryMultiplier = 0, drySequenceBreakers = USUAL_BREAKERS } = this.#options;
    if (dryMultiplier > 0) {
      const texts = drySequenceBreakers.filter((one) => typeof one === "string");
      await prepareSpellings(tokenizer, texts);
    }
    if (grammar === undefined) return;
    const trie = await tokenTrie(tokenizer, this.#parts.marks);
    const { ignoreEos = false } = this.#options, { mustFit = false } = this.#parts;
    this.#constraint = new Constraint(grammar, trie, { ignoreEos, mustFit });
  }

  /** A grammar is for the answer: where the model thinks first, it waits. */
  #letThink(): void {
    const { markers, splitter } = this.#prompt.reasoning ?? {}, { tokenizer } = this.#parts;
    if (markers === undefined) return;
    const encode = (text: string) => tokenizer.encode(text, { bos: false, special: true });
    const open = encode(markers.open), isOpen = splitter?.state === "thinking";
    this.#constraint?.thinkFirst({
      open: isOpen || open.length > 1 ? undefined : open[0],
      close: encode(markers.close),
    });
  }

  /** Brings the prompt into the cache, as far as it is not there. */
  async #readPrompt(): Promise<Float32Array> {
    const { past, prompt } = this.#parts;
    const startMs = performance.now();
    this.#prompt = await prompt();
    if (this.#prompt.tokens.length === 0) {
      throw new ArgumentError(`Cannot generate from "": no tokens`);
    }
    const room = this.#limit > 0 ? 1 : 0;
    const { reasoning, tools } = this.#prompt;
    this.#output = new Output(this.#stops, { splitter: reasoning?.splitter, tools });
    const tokens = this.#fitting(this.#prompt.tokens, room);
    this.#prompt = { ...this.#prompt, tokens };
    const { logits, cachedTokens } = await past.advance(tokens, room, {
      ...this.#evaluation,
      onProgress: this.#options.onPromptProgress,
    });
    this.#cachedTokens = cachedTokens;
    this.#promptMs = performance.now() - startMs;
    return logits;
  }

  /** A prompt, or what of it fits the context. */
  #fitting(tokens: readonly number[], room: number): readonly number[] {
    const { capacity } = this.#parts.past;
    if (this.#policy === "error" || tokens.length + room <= capacity) return tokens;
    return dropOldest(tokens, promptRoom(capacity, this.#limit, this.#keep), this.#keep);
  }

  /** Samples one token; says with which piece, and why it is the last. */
  #next(logits: Float32Array): { piece?: Piece; ended?: FinishReason } {
    const { past, tokenizer } = this.#parts, constraint = this.#constraint;
    const choice = this.#choose(logits);
    if (choice === undefined) return this.#ending("length", {});
    const { token, nonFinite } = choice;
    const scores = tokenScores(choice, tokenizer, typeof this.#options.logprobs === "number");
    const score = nonFinite > 0 ? { ...scores, nonFinite } : scores;
    this.#nonFinite += nonFinite;
    // Under a grammar an end token comes only where the text may end: then it is one.
    if ((constraint || !this.#options.ignoreEos) && tokenizer.endTokens.has(token)) {
      return this.#ending("stop", { token, ...score });
    }
    past.append(token);
    this.#tokens.push(token);
    if (isAsked(this.#options.logprobs)) this.#scores.push({ token, ...scores });
    const isComplete = constraint?.isComplete === true;
    const full = this.#room === 0 && !isComplete, wasThinking = this.#isThinking;
    const shown = this.#show(this.#stream.push(token), full || isComplete);
    if (wasThinking && !this.#isThinking) constraint?.skip(this.#output.answered);
    const piece = { text: shown, token, ...score };
    if (this.#stops.stopped || isComplete && !constraint.isCutShort) {
      return { piece, ended: "stop" };
    }
    return full || isComplete ? { piece, ended: "length" } : { piece };
  }

  /** Ends with the text that was held back, if there is any. */
  #ending(ended: FinishReason, { token = this.#tokens.at(-1) ?? -1, ...score }: Partial<Piece>) {
    const text = this.#show("", true);
    return text === "" ? { ended } : { piece: { text, token, ...score }, ended };
  }

  /** Chooses a token: any, or one that the grammar allows; with the scores that are asked for. */
  #choose(logits: Float32Array): Choice | undefined {
    const { past, sampler } = this.#parts, { logprobs } = this.#options;
    const count = isAsked(logprobs) ? Number(logprobs === true ? 0 : logprobs) : undefined;
    const options = { previousTokens: past.tokens, logprobs: count };
    if (this.#constraint === undefined) return sampler.choose(logits, options);
    const choices: Choice[] = [];
    const choose = (allowed: Uint32Array) => {
      choices.push(sampler.choose(logits, { ...options, allowed }));
      return choices[0]!.token;
    };
    const token = this.#constraint[this.#isThinking ? "think" : "next"](this.#room, choose);
    if (token === undefined) return undefined;
    return choices[0]?.token === token ? choices[0] : sampler.accept(token, logits, options);
  }

  get #isThinking(): boolean {
    return this.#prompt.reasoning?.splitter.state === "thinking";
  }

  /** How many tokens may still come. */
  get #room(): number {
    const { past } = this.#parts;
    const left = this.#policy === "shift" ? Infinity : past.capacity - past.tokens.length;
    return Math.min(this.#limit - this.#tokens.length, left);
  }

  /** The text to show; `last` also brings out all that is held back. */
  #show(text: string, last: boolean): string {
    const shown = this.#output.push(text);
    if (!last || this.#stops.stopped) return shown;
    return shown + this.#output.push(this.#stream.flush()) + this.#output.flush();
  }

  /** Evaluates the token that was sampled last. */
  async #step(): Promise<Float32Array> {
    const startMs = performance.now(), { past } = this.#parts, options = this.#evaluation;
    const found = past.tokens.length === past.capacity
      ? this.#shift()
      : this.#parts.guesser
      ? this.#speculate(this.#parts.guesser)
      : past.step(options);
    const logits = found instanceof Promise ? await found : found;
    this.#generateMs += performance.now() - startMs;
    this.#stepCount++;
    return logits;
  }

  /** Logits after the last token: from a step of before that has guessed it, or from a new one. */
  async #speculate(guesser: Guesser): Promise<Float32Array> {
    const { past, tokenizer: { vocabularySize } } = this.#parts, ahead = this.#ahead;
    const row = ahead && past.tokens.length - ahead.from;
    const isRight = ahead && row !== undefined && ahead.guesses[row - 1] === past.tokens.at(-1);
    if (isRight) return ahead.logits.subarray(row * vocabularySize, (row + 1) * vocabularySize);
    if (ahead) this.#learn(ahead);
    const room = Math.min(this.#limit - this.#tokens.length, past.capacity - past.tokens.length);
    const most = Math.min(this.#count.most, room), options = this.#evaluation;
    const guesses = await guesser.guess(past.tokens, most, options);
    if (guesses.length === 0) return await past.step(options);
    const logits = new Float32Array((1 + guesses.length) * vocabularySize);
    await past.stepAhead(guesses, logits, options);
    this.#ahead = { from: past.tokens.length, guesses, logits };
    return logits.subarray(0, vocabularySize);
  }

  /** Counts the guesses that were right, now that a step is used up. */
  #learn({ from, guesses }: Ahead): void {
    const { tokens } = this.#parts.past;
    let right = 0;
    while (right < guesses.length && tokens[from + right] === guesses[right]) right++;
    this.#count.learn(guesses.length, right);
    this.#ahead = undefined;
  }

  get #speculation(): { guessed: number; accepted: number } {
    if (this.#ahead) this.#learn(this.#ahead);
    const { guessed, accepted } = this.#count;
    return { guessed, accepted };
  }

  /**
   * Drops the oldest half of the past and evaluates the rest anew, at its new positions: what
   * follows is what would follow if the text had begun so.
   */
  async #shift(): Promise<Float32Array> {
    if (this.#ahead) this.#learn(this.#ahead); // its positions are no more
    const { past } = this.#parts, size = shiftedSize(past.tokens.length, this.#keep);
    const left = dropOldest(past.tokens, size, this.#keep);
    return (await past.advance(left, 1, this.#evaluation)).logits;
  }

  /** The decoder of this run, made when the first token comes. */
  get #stream(): ReturnType<TokenizerLike["stream"]> {
    const { tokens = [] } = this.#prompt.reasoning ?? {}, { tokenizer, marks = [] } = this.#parts;
    return this.#openStream ??= markedStream(tokenizer, [...tokens, ...marks]);
  }

  #openStream: ReturnType<TokenizerLike["stream"]> | undefined;
}

const POLICIES: readonly OverflowPolicy[] = ["error", "shift", "truncate"];

function checkCount(name: string, value: number, most: number): void {
  if (Number.isSafeInteger(value) && value >= 0 && value <= most) return;
  const state = value > most ? `more than ${most}` : "not a count";
  throw new ArgumentError(`Cannot generate with "${name}": ${value} is ${state}`);
}

/** A rate; 0 where nothing was done. */
function perSecond(count: number, ms: number): number {
  return count === 0 || ms === 0 ? 0 : count / ms * 1000;
}

/** Whether log-probabilities are wanted: 0 of the likeliest is an answer as well. */
function isAsked(logprobs: boolean | number | undefined): boolean {
  return typeof logprobs === "number" || logprobs === true;
}
