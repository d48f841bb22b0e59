/** Chat templates: messages in, the text a model was trained on out. @module */

import { Environment, Interpreter, parse, tokenize } from "npm:@huggingface/jinja@0.5.11";
import { CriaError } from "../errors.ts";
import { Disguise, type Segment, textsOf } from "./disguise.ts";
import { strftime } from "./strftime.ts";

export type { Segment };

/** One message of a chat. Templates may look at further fields, `tool_calls` for example. */
export interface ChatMessage {
  /** `system`, `user`, `assistant`, `tool`, or what else a template knows. */
  readonly role: string;
  /** What was said: a text, or parts as the template takes them. */
  readonly content?: unknown;
  /** Further fields. */
  readonly [field: string]: unknown;
}

/** What a template knows besides the messages. */
export interface ChatTemplateOptions {
  /** Spelling of the token that begins a text. */
  readonly bosToken?: string | undefined;
  /** Spelling of the token that ends a text. */
  readonly eosToken?: string | undefined;
  /** The time that `strftime_now` shows; the clock's, if left out. */
  readonly now?: Date | string | number | (() => Date) | undefined;
  /** Spellings of all special tokens: what a message spells of them is kept apart. */
  readonly specialTokens?: Iterable<string> | undefined;
}

/** What one rendering may add. */
export interface RenderOptions {
  /** Tools as JSON schemas, the way the OpenAI interface writes them. */
  readonly tools?: readonly unknown[] | undefined;
  /** Documents for retrieval templates. */
  readonly documents?: readonly unknown[] | undefined;
  /** Whether the text ends where the model's answer begins; false if left out. */
  readonly addGenerationPrompt?: boolean | undefined;
  /** Further variables, `enable_thinking` for example. */
  readonly variables?: Readonly<Record<string, unknown>> | undefined;
}

/** A rendered chat. */
export interface RenderedChat {
  /** The whole text. */
  readonly text: string;
  /**
   * The text in parts. Parts with `special: false` are what messages have spelled of special
   * tokens: neither they nor anything that overlaps them may be parsed for one.
   */
  readonly segments: readonly Segment[];
}

/** The turns of ChatML, for files without a template. */
const CHATML = "{% for message in messages %}" +
  "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}" +
  "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

/** Most elements of a `range`: a template's loop must not eat the memory. */
const RANGE_LIMIT = 100_000;

/**
 * A chat template in Jinja, as model files carry them.
 * @example
 * ```ts
 * const source = "{% for m in messages %}{{ m.role }}: {{ m.content }}{% endfor %}";
 * const template = new ChatTemplate(source);
 * template.render([{ role: "user", content: "Hi" }]).text; // "user: Hi"
 * ```
 */
export class ChatTemplate {
  /** The Jinja source. */
  readonly source: string;
  /** What ends an answer besides the model's end tokens; of the fallback only. */
  readonly stop: readonly string[];
  readonly #program: ReturnType<typeof parse>;
  readonly #options: ChatTemplateOptions;
  readonly #spellings: readonly string[];

  /**
   * Reads the source.
   * @param source Jinja; ChatML, if undefined
   * @param options what the template knows besides the messages
   * @throws CriaError when the source is no valid template
   */
  constructor(source: string | undefined, options: ChatTemplateOptions = {}) {
    const { bosToken = "", eosToken = "", specialTokens = [] } = options;
    this.source = source ?? CHATML;
    this.stop = source === undefined ? ["<|im_end|>"] : [];
    this.#options = options;
    this.#spellings = [...new Set([...specialTokens, bosToken, eosToken])]
      .filter((text) => text !== "");
    try {
      this.#program = parse(tokenize(this.source, { lstrip_blocks: true, trim_blocks: true }));
    } catch (error) {
      throw failure("Cannot read the chat template", error);
    }
  }

  /**
   * Writes messages the way the model expects them.
   * @param messages the chat so far
   * @param options what this rendering adds
   * @throws CriaError when the template refuses the messages or fails
   */
  render(messages: readonly ChatMessage[], options: RenderOptions = {}): RenderedChat {
    const { tools = null, documents = null, addGenerationPrompt = false } = options;
    const given = { messages, tools, documents, ...options.variables };
    const disguise = new Disguise(this.#spellings, [this.source, ...textsOf(given)]);
    const environment = new Environment();
    const variables: Record<string, unknown> = {
      ...this.#globals(),
      add_generation_prompt: addGenerationPrompt,
      ...disguise.cover(given) as Record<string, unknown>,
    };
    try {
      for (const [name, value] of Object.entries(variables)) environment.set(name, value);
      const rendered = String(new Interpreter(environment).run(this.#program).value);
      const segments = disguise.uncover(rendered);
      return { text: segments.map(({ text }) => text).join(""), segments };
    } catch (error) {
      throw failure("Cannot render the chat template", error);
    }
  }

  /** Names that every template knows. */
  #globals(): Record<string, unknown> {
    const { bosToken, eosToken } = this.#options;
    return {
      ...{ true: true, false: false, none: null, True: true, False: false, None: null },
      ...(bosToken === undefined ? {} : { bos_token: bosToken }),
      ...(eosToken === undefined ? {} : { eos_token: eosToken }),
      range,
      raise_exception: (message: unknown) => {
        throw new Error(String(message));
      },
      strftime_now: (format: unknown) => strftime(this.#now(), String(format)),
    };
  }

  #now(): Date {
    const { now } = this.#options;
    return typeof now === "function" ? now() : now === undefined ? new Date() : new Date(now);
  }
}

/** Python's `range`. */
function range(...bounds: unknown[]): number[] {
  const [first = 0, second, step = 1] = bounds.filter((bound) => typeof bound === "number");
  const [start, stop] = second === undefined ? [0, first] : [first, second];
  const count = Math.max(0, Math.ceil((stop - start) / step));
  if (!(count <= RANGE_LIMIT)) throw new Error(`range of ${count} elements`);
  return Array.from({ length: count }, (_, index) => start + index * step);
}

/** An error of the Jinja interpreter as one of ours, in one line. */
function failure(what: string, error: unknown): CriaError {
  const state = error instanceof Error ? error.message : String(error);
  return new CriaError(`${what}: ${state.replace(/\s+/g, " ").slice(0, 500)}`, { cause: error });
}
