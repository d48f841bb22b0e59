/** The loop of a model and its tools: it calls, they answer, until it answers itself. @module */

import type { ChatMessage } from "../chat/template.ts";
import { callMessage, resultMessage, type ToolCall } from "../chat/tool_calls.ts";
import { ArgumentError, CriaError } from "../errors.ts";
import type { FinishReason, Generation } from "./generation.ts";
import type { JsonOf, JsonSource } from "./json.ts";
import { targetOf, validated } from "./json_source.ts";
import { ReadOnce } from "./read_once.ts";
import type { ChatOptions } from "./session.ts";
import type { FunctionTool, Tool, ToolChoice, ToolOptions } from "./tool_turn.ts";

export { callMessage, resultMessage };
export type { FunctionTool, Tool, ToolChoice, ToolOptions };

/** What a handler knows besides its arguments. */
export interface ToolContext {
  /** Stops the handler, with the run. */
  readonly signal: AbortSignal;
  /** The call that it answers. */
  readonly call: ToolCall;
}

/** A tool with its handler. */
export interface RunnableTool<S extends JsonSource = JsonSource> extends Tool {
  /** Its arguments. */
  readonly parameters?: S | undefined;
  /**
   * Answers a call: with a text, or with what can be JSON. What it throws is told to the model.
   * @param given what the tool is called with, checked by its schema
   */
  execute(given: JsonOf<S>, context: ToolContext): unknown;
}

/**
 * A tool whose handler gets arguments of the schema's type.
 * @example
 * ```ts
 * const add = defineTool({
 *   name: "add",
 *   parameters: {
 *     type: "object",
 *     properties: { a: { type: "number" }, b: { type: "number" } },
 *     required: ["a", "b"],
 *   },
 *   execute: ({ a, b }) => a + b,
 * });
 * console.assert(add.name === "add");
 * ```
 */
export function defineTool<const S extends JsonSource>(tool: RunnableTool<S>): RunnableTool {
  return tool as RunnableTool;
}

/** Options of a run: those of its turns, and its limits. */
export interface RunOptions extends Omit<ChatOptions, "tools" | "schema" | "grammar"> {
  /** What the model may call. */
  readonly tools: readonly RunnableTool[];
  /** Whether it calls any in its first turn; after that it is free to. */
  readonly toolChoice?: ToolChoice | undefined;
  /** After so many turns with calls the model has to answer; 8 if left out. */
  readonly maxRounds?: number | undefined;
  /** Longer results are cut, in characters; 20,000 if left out. */
  readonly maxResultLength?: number | undefined;
}

/** Something that happens in a run. */
export type RunEvent =
  /** The model says something, or thinks. */
  | { readonly type: "text"; readonly text: string; readonly reasoning?: string }
  /** It calls a tool. */
  | { readonly type: "call"; readonly call: ToolCall }
  /** The tool has answered; with `error` where it failed. */
  | {
    readonly type: "result";
    readonly call: ToolCall;
    readonly content: string;
    readonly error?: unknown;
  };

/** What a run came to. */
export interface RunResult {
  /** The text of the last turn. */
  readonly text: string;
  /** All messages that are new; with them the conversation goes on. */
  readonly messages: readonly ChatMessage[];
  /** How many turns had calls. */
  readonly rounds: number;
  /** Why the last turn ended. */
  readonly finishReason: FinishReason;
}

/** What a run needs of a session. */
interface Chats {
  chat(messages: readonly ChatMessage[], options: ChatOptions): Generation;
}

/**
 * A run of a model with tools. Like a `Generation`, nothing happens before it is iterated or its
 * result is asked for, and it is read once; leaving the loop early stops model and handlers.
 *
 * When the signal aborts, iteration throws its reason, and `result` has `finishReason: "abort"`
 * with the rounds that are complete: its messages always go together.
 */
export class ToolRun implements AsyncIterable<RunEvent> {
  readonly #session: Chats;
  readonly #options: RunOptions;
  readonly #asked: readonly ChatMessage[];
  readonly #first: Generation;
  readonly #left = new AbortController();
  readonly #signal: AbortSignal;
  readonly #messages: ChatMessage[] = [];
  readonly #run: ReadOnce<RunEvent, RunResult>;
  readonly #maxRounds: number;
  readonly #maxLength: number;
  #text = "";
  #rounds = 0;

  /**
   * Sessions make them.
   * @throws ArgumentError when an option cannot be used
   */
  constructor(session: Chats, messages: readonly ChatMessage[], options: RunOptions) {
    const { maxRounds = 8, maxResultLength = 20_000, signal } = options;
    for (const [name, value] of Object.entries({ maxRounds, maxResultLength })) {
      if (Number.isSafeInteger(value) && value >= 1) continue;
      throw new ArgumentError(`Cannot run with ${value} as "${name}": it is no number from 1 on`);
    }
    this.#session = session;
    this.#options = options;
    this.#asked = [...messages];
    this.#maxRounds = maxRounds;
    this.#maxLength = maxResultLength;
    const { signal: left } = this.#left;
    this.#signal = signal === undefined ? left : AbortSignal.any([signal, left]);
    this.#first = this.#turn(options.toolChoice); // says early what cannot be used
    const work = { pieces: () => this.#events(), result: this.#result.bind(this), signal };
    this.#run = new ReadOnce("the run", work);
  }

  /** What it came to. Asking for it runs it, unless something reads it already. */
  get result(): Promise<RunResult> {
    return this.#run.result;
  }

  /**
   * What happens, in order.
   * @throws CriaError when it has been read already
   */
  [Symbol.asyncIterator](): AsyncGenerator<RunEvent, void, void> {
    return this.#run.read();
  }

  /** Runs it and gives the text of the last turn. */
  async text(): Promise<string> {
    for await (const _ of this);
    return (await this.result).text;
  }

  #result(finishReason: FinishReason): RunResult {
    const messages = [...this.#messages];
    return { text: this.#text, messages, rounds: this.#rounds, finishReason };
  }

  /** Turn after turn, until one has no calls. */
  async *#events(): AsyncGenerator<RunEvent, FinishReason, void> {
    try {
      for (let generation = this.#first;;) {
        this.#text = "";
        yield* this.#said(generation);
        const { toolCalls = [], text, reasoning, finishReason } = await generation.result;
        const said = { ...callMessage(text, toolCalls), ...reasoning ? { reasoning } : {} };
        if (toolCalls.length === 0) {
          this.#messages.push(said);
          return finishReason;
        }
        const answers = yield* this.#answers(toolCalls);
        this.#messages.push(said, ...answers);
        this.#rounds++;
        generation = this.#turn(this.#rounds < this.#maxRounds ? "auto" : "none");
      }
    } finally {
      this.#left.abort(); // handlers that still work
    }
  }

  #turn(toolChoice: ToolChoice | undefined): Generation {
    const { maxRounds: _, maxResultLength: _length, ...options } = this.#options;
    const messages = [...this.#asked, ...this.#messages];
    return this.#session.chat(messages, { ...options, toolChoice, signal: this.#signal });
  }

  /** What the model says in a turn. */
  async *#said(generation: Generation): AsyncGenerator<RunEvent, void, void> {
    for await (const { text, reasoning, toolCalls = [] } of generation) {
      this.#text += text;
      if (text !== "" || reasoning !== undefined) {
        yield { type: "text", text, ...reasoning === undefined ? {} : { reasoning } };
      }
      for (const { call } of toolCalls) if (call !== undefined) yield { type: "call", call };
    }
  }

  /** What the tools answer: all of them work at once, their results come in the calls' order. */
  async *#answers(calls: readonly ToolCall[]): AsyncGenerator<RunEvent, ChatMessage[], void> {
    const messages: ChatMessage[] = [];
    const results = calls.map((call) => this.#answer(call));
    for (const result of results) result.catch(() => {}); // who comes first throws for all
    for (const [index, call] of calls.entries()) {
      const { content, ...rest } = await results[index]!;
      messages.push(resultMessage(call, content));
      yield { type: "result", call, content, ...rest };
    }
    return messages;
  }

  /** Runs one handler; what it throws becomes its result, unless the run is to stop. */
  async #answer(call: ToolCall): Promise<{ content: string; error?: unknown }> {
    const signal = this.#signal;
    try {
      signal.throwIfAborted();
      const tool = this.#toolNamed(call.name), { schema } = targetOf(tool.parameters ?? {});
      const given = await validated(schema, call.arguments);
      const value = await until(signal, tool.execute(given, { signal, call }));
      return { content: cut(textOf(value), this.#maxLength) };
    } catch (error) {
      signal.throwIfAborted();
      const message = error instanceof Error ? error.message : String(error);
      return { content: cut(`Error: ${message}`, this.#maxLength), error };
    }
  }

  #toolNamed(name: string): RunnableTool {
    const { tools } = this.#options, tool = tools.find((one) => one.name === name);
    if (tool) return tool;
    const names = tools.map((one) => one.name).join(", ");
    throw new CriaError(`Cannot call "${name}": there is no such tool, but ${names}`);
  }
}

/** A value, or the signal's reason if that comes first: not every handler listens to it. */
async function until(signal: AbortSignal, value: unknown): Promise<unknown> {
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", abort);
  try {
    return await Promise.race([value, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/** A result as a model reads it. */
function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value) ?? "null";
}

/** A text of so many characters at most, and how many are left out. */
function cut(text: string, most: number): string {
  if (text.length <= most) return text;
  const kept = text.slice(0, most).replace(/[\uD800-\uDBFF]$/, "");
  return `${kept}... (${text.length - kept.length} more characters)`;
}
