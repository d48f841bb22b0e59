/** What a model writes, told apart as it comes: thoughts, calls of tools, text to show. @module */

import type { ReasoningSplitter, SplitText } from "../chat/reasoning.ts";
import type { ToolCall } from "../chat/tool_calls.ts";
import type { ParsedTools, ToolCallEvent, ToolParser } from "../chat/tool_parser.ts";
import type { Piece } from "./generation.ts";
import type { StopMatcher } from "./stop.ts";

/** How a text is told apart; what is left out is text. */
export interface OutputParts {
  /** Tells thoughts from the answer. */
  readonly splitter?: ReasoningSplitter | undefined;
  /** Tells calls of tools from the text around them. */
  readonly tools?: ToolParser | undefined;
}

/** The output of one run, so far. */
export class Output {
  /** Text that was shown, without a stop string. */
  text = "";
  /** What the model has thought. */
  reasoning = "";
  /** What of the last text was answer, before calls and stop strings are looked for. */
  answered = "";
  /** Calls that are complete. */
  readonly toolCalls: ToolCall[] = [];
  readonly #stops: StopMatcher;
  readonly #parts: OutputParts;
  #thought = ""; // what of the reasoning no piece has yet
  #events: ToolCallEvent[] = []; // and of the calls

  /** Begins with no text; stop strings are looked for in what is shown only. */
  constructor(stops: StopMatcher, parts: OutputParts) {
    this.#stops = stops;
    this.#parts = parts;
  }

  /** Takes text; returns what is to be shown. */
  push(text: string): string {
    const { splitter } = this.#parts;
    return this.#show(splitter === undefined ? text : this.#answer(splitter.push(text)));
  }

  /** All that was held back, when no more comes. */
  flush(): string {
    const { splitter, tools } = this.#parts;
    let shown = splitter === undefined ? "" : this.#show(this.#answer(splitter.flush()));
    if (tools !== undefined) shown += this.#passOn(this.#known(tools.flush()));
    const rest = this.#stops.flush();
    this.text += rest;
    return shown + rest;
  }

  /** A piece with what has become known besides its text; undefined where there is nothing. */
  complete(piece: Piece | undefined, token: number): Piece | undefined {
    const reasoning = this.#thought, toolCalls = this.#events;
    this.#thought = "";
    this.#events = [];
    if (reasoning === "" && toolCalls.length === 0) return piece;
    return {
      ...piece ?? { text: "", token },
      ...reasoning === "" ? {} : { reasoning },
      ...toolCalls.length === 0 ? {} : { toolCalls },
    };
  }

  #answer({ reasoning, text }: SplitText): string {
    this.answered = text;
    this.#thought += reasoning;
    this.reasoning += reasoning;
    return text;
  }

  #show(text: string): string {
    const { tools } = this.#parts;
    return this.#passOn(tools === undefined ? text : this.#known(tools.push(text)));
  }

  #known({ text, events }: ParsedTools): string {
    this.#events.push(...events);
    for (const { call } of events) if (call !== undefined) this.toolCalls.push(call);
    return text;
  }

  #passOn(text: string): string {
    const shown = this.#stops.push(text);
    this.text += shown;
    return shown;
  }
}
