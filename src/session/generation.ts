/** The object that `generate`, `extend` and `chat` return: one run, consumed once. @module */

import type { ToolCall } from "../chat/tool_calls.ts";
import type { ToolCallEvent } from "../chat/tool_parser.ts";
import { type ReadableWork, ReadOnce } from "./read_once.ts";
import type { TokenScores } from "./scores.ts";

export type { ReadableWork } from "./read_once.ts";
export type { TokenScore, TokenScores } from "./scores.ts";
export type { ToolCall, ToolCallEvent };

/** One generated token and the text that became certain with it. */
export interface Piece extends TokenScores {
  /** Text to show; empty while a character or a possible stop string is incomplete. */
  readonly text: string;
  /** What the model thinks before it answers, apart from the text; in chats only. */
  readonly reasoning?: string;
  /** Calls of tools whose names are known now, and calls that are complete; in chats only. */
  readonly toolCalls?: readonly ToolCallEvent[];
  /** The token's id. */
  readonly token: number;
  /** How many of the model's logits were NaN or infinite; left out where none was. */
  readonly nonFinite?: number;
}

/** Why a generation ended: by itself or a stop string, by a limit, or because it was stopped. */
export type FinishReason = "stop" | "length" | "abort";

/** How long things took. */
export interface Timings {
  /** Milliseconds from the start to the prompt's logits. */
  readonly promptMs: number;
  /** Prompt tokens evaluated in a second; those from the cache do not count. */
  readonly promptPerSecond: number;
  /** Milliseconds of all that came after the prompt, without the consumer's own time. */
  readonly generateMs: number;
  /** Tokens evaluated in a second after the prompt. */
  readonly generatePerSecond: number;
  /** Prompt tokens that were in the cache already. */
  readonly cachedTokens: number;
}

/** What a generation came to. */
export interface GenerationResult {
  /** The whole text, without a stop string. */
  readonly text: string;
  /** What the model has thought before it answered, where it has; in chats only. */
  readonly reasoning?: string;
  /** The calls of tools that the model has written, complete ones; of a chat with tools only. */
  readonly toolCalls?: readonly ToolCall[];
  /** Every generated token; an end token is not among them, those of a stop string are. */
  readonly tokens: readonly number[];
  /** Every token that stood before the generated ones. */
  readonly promptTokens: readonly number[];
  /** Why it ended. */
  readonly finishReason: FinishReason;
  /** How long it took. */
  readonly timings: Timings;
  /** Tokens that were guessed ahead, and how many of them were right; with `speculate` only. */
  readonly speculation?: { readonly guessed: number; readonly accepted: number };
  /**
   * How many of the model's logits were NaN or infinite, over all tokens; left out where none was.
   * The model, its file or its arithmetic is broken then. NaN is never chosen.
   */
  readonly nonFinite?: number;
  /** The scores of each of `tokens`; with `logprobs` only. */
  readonly logprobs?: readonly (TokenScores & { readonly token: number })[];
  /** The seed that repeats it. */
  readonly seed: number;
  /** The rendered chat template; of `chat` only. */
  readonly rendered?: string;
}

/** The work behind a generation. */
export type GenerationWork = ReadableWork<Piece, GenerationResult>;

/**
 * A generation. Nothing happens before it is iterated, or one of `text`, `stream` and `result` is
 * used; it can be consumed once. Leaving a `for await` loop early stops it.
 *
 * When its signal aborts, iteration, `text()` and the stream throw the signal's reason, as `fetch`
 * does, and `result` resolves with what there is and `finishReason: "abort"`.
 */
export class Generation implements AsyncIterable<Piece> {
  readonly #run: ReadOnce<Piece, GenerationResult>;

  /**
   * Sessions make them.
   * @param work what to run
   */
  constructor(work: GenerationWork) {
    this.#run = new ReadOnce("the generation", work);
  }

  /**
   * What it came to. Asking for it runs the generation, unless something consumes it already or
   * begins to in the same turn of the event loop.
   */
  get result(): Promise<GenerationResult> {
    return this.#run.result;
  }

  /**
   * The pieces, one per token.
   * @throws CriaError when it has been consumed already
   */
  [Symbol.asyncIterator](): AsyncGenerator<Piece, void, void> {
    return this.#run.read();
  }

  /** Runs it and gives the whole text. */
  async text(): Promise<string> {
    let text = "";
    for await (const piece of this) text += piece.text;
    return text;
  }

  /** The text as a stream; cancelling it stops the generation. */
  stream(): ReadableStream<string> {
    const pieces = this[Symbol.asyncIterator]();
    const run = this.#run;
    return new ReadableStream<string>({
      async pull(controller) {
        for (;;) {
          const { done, value } = await pieces.next();
          if (done) return controller.close();
          if (value.text !== "") return controller.enqueue(value.text);
        }
      },
      async cancel() {
        await pieces.return();
        run.stop(); // a generator that never began does not run its own end
      },
    }, { highWaterMark: 0 });
  }
}
