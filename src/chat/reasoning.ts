/** What a model thinks before it answers: how it is marked, and told from the answer. @module */

import type { ChatMessage } from "./template.ts";

/** How a template marks a kind of text. */
export interface Markers {
  /** What stands before it. */
  readonly open: string;
  /** What stands after it. */
  readonly close: string;
  /** The tokens that the marks are written with; the marks themselves, if left out. */
  readonly tokens?: readonly string[];
}

/** Marks of reasoning: the first that a template, or else a vocabulary, knows. */
const REASONING: readonly Markers[] = [
  { open: "<think>", close: "</think>" },
  { open: "[THINK]", close: "[/THINK]" },
  { open: "<seed:think>", close: "</seed:think>" },
  { open: "<|START_THINKING|>", close: "<|END_THINKING|>" },
  { open: "<|inner_prefix|>", close: "<|inner_suffix|>" },
  { open: "<|channel>thought", close: "<channel|>", tokens: ["<|channel>", "<channel|>"] },
];

/** Tokens that only a template and a model may write, whatever kind a vocabulary gives them. */
export const MARK_TOKENS: ReadonlySet<string> = new Set(REASONING.flatMap(tokensOf));

/** The tokens of marks. */
export function tokensOf({ open, close, tokens = [open, close] }: Markers): readonly string[] {
  return tokens;
}

/**
 * The marks of a model's reasoning, if it has any.
 * @param template the source of its chat template
 * @param has whether its vocabulary has a token of that spelling
 */
export function reasoningMarkers(
  template: string,
  has: (piece: string) => boolean,
): Markers | undefined {
  return REASONING.find(({ open, close }) => template.includes(open) || template.includes(close)) ??
    REASONING.find((markers) => tokensOf(markers).every(has));
}

/** Text of a model, told apart. */
export interface SplitText {
  /** What it thinks. */
  readonly reasoning: string;
  /** What it answers. */
  readonly text: string;
}

/** Where in its output a model is: the answer is certain only at the end. */
export type ReasoningState = "undecided" | "thinking" | "answering";

/**
 * Tells reasoning from the answer while they come. Reasoning is a marked block at the very
 * beginning; white space at its borders belongs to neither.
 *
 * A grammar is for the answer: it is to hold unless `state` is "thinking". While the state is
 * "undecided" the model may still begin to think, if it is let write the opening mark.
 * @example
 * ```ts
 * const splitter = new ReasoningSplitter({ open: "<think>", close: "</think>" }, false);
 * const { reasoning, text } = splitter.push("<think>\nHm.\n</think>\n\nYes.");
 * console.assert(reasoning === "Hm." && text === "Yes.");
 * ```
 */
export class ReasoningSplitter {
  readonly #markers: Markers;
  #state: ReasoningState;
  #held = ""; // what may be a mark, or space beside one
  #isFresh = true; // nothing of the present part has been given out

  /**
   * Begins with no text.
   * @param markers how reasoning is marked
   * @param isOpen whether the prompt has the opening mark already
   */
  constructor(markers: Markers, isOpen: boolean) {
    this.#markers = markers;
    this.#state = isOpen ? "thinking" : "undecided";
  }

  /** Where the model is. */
  get state(): ReasoningState {
    return this.#state;
  }

  /** Takes a piece of text; returns what has become certain. */
  push(piece: string): SplitText {
    this.#held += piece;
    if (this.#state === "undecided") this.#decide();
    const reasoning = this.#state === "thinking" ? this.#think() : "";
    return { reasoning, text: this.#state === "answering" ? this.#answer() : "" };
  }

  /** What was held back, when no more comes. */
  flush(): SplitText {
    const held = this.#held;
    this.#held = "";
    if (this.#state === "thinking") return { reasoning: this.#begin(held).trimEnd(), text: "" };
    return { reasoning: "", text: this.#state === "undecided" ? held : "" };
  }

  /** At the beginning: the opening mark, or an answer. */
  #decide(): void {
    const { open } = this.#markers, begun = this.#held.trimStart();
    if (begun.startsWith(open)) {
      this.#held = begun.slice(open.length);
      this.#state = "thinking";
    } else if (!open.startsWith(begun)) {
      this.#state = "answering";
      this.#isFresh = false; // white space before a plain answer is its own
    }
  }

  #think(): string {
    const { close } = this.#markers, end = this.#held.indexOf(close);
    if (end >= 0) {
      const thought = this.#begin(this.#held.slice(0, end)).trimEnd();
      this.#held = this.#held.slice(end + close.length);
      this.#state = "answering";
      this.#isFresh = true;
      return thought;
    }
    const certain = this.#held.slice(0, this.#held.length - openLength(this.#held, close))
      .trimEnd();
    this.#held = this.#held.slice(certain.length);
    return this.#begin(certain);
  }

  #answer(): string {
    const text = this.#held;
    this.#held = "";
    return this.#begin(text);
  }

  /** Text without the white space that a part begins with. */
  #begin(text: string): string {
    const begun = this.#isFresh ? text.trimStart() : text;
    this.#isFresh &&= begun === "";
    return begun;
  }
}

/** Length of the longest end of a text that begins a mark. */
function openLength(text: string, mark: string): number {
  for (let length = Math.min(mark.length - 1, text.length); length > 0; length--) {
    if (text.endsWith(mark.slice(0, length))) return length;
  }
  return 0;
}

/** Fields of a message that hold reasoning; templates read the first, some the second. */
const FIELDS = ["reasoning_content", "thinking", "reasoning"];

/** A message whose reasoning is where templates look for it. */
export function withReasoning(message: ChatMessage): ChatMessage {
  const field = FIELDS.find((name) => message[name] !== undefined && message[name] !== null);
  if (field === undefined) return message;
  return { thinking: message[field], ...message, reasoning_content: message[field] };
}
