/** Chat templates: messages in, the text a model was trained on out. @module */

import { TemplateError } from "../errors.ts";
import { bind } from "./jinja/arguments.ts";
import type { Statement } from "./jinja/ast.ts";
import { LIMITS, TemplateFault, withBudget } from "./jinja/budget.ts";
import { GLOBALS } from "./jinja/globals.ts";
import { normalize } from "./jinja/lexer.ts";
import { parse } from "./jinja/parser.ts";
import { Renderer } from "./jinja/renderer.ts";
import { Scope } from "./jinja/scope.ts";
import { Text } from "./jinja/text.ts";
import { type Arguments, Dict, Func, toValue, type Value } from "./jinja/values.ts";
import { print } from "./jinja/writing.ts";
import { checkMessages } from "./messages.ts";
import { strftime } from "./strftime.ts";

/** A stretch of rendered text. */
export interface Segment {
  /** The text. */
  readonly text: string;
  /** Whether special tokens may be found in it: false for what messages have brought in. */
  readonly special: boolean;
}

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
  /** What it is called in errors. */
  readonly name?: string | undefined;
  /** Spelling of the token that begins a text. */
  readonly bosToken?: string | undefined;
  /** Spelling of the token that ends a text. */
  readonly eosToken?: string | undefined;
  /** The time that `strftime_now` shows; the clock's, if left out. */
  readonly now?: Date | string | number | (() => Date) | undefined;
  /** Most steps that reading or rendering may take; 10 million, about a second, if left out. */
  readonly maxSteps?: number | undefined;
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
   * The text in parts. Parts with `special: false` come from messages, tools, documents and
   * variables, whatever the template has made of them: neither they nor anything that overlaps them
   * may be parsed for special tokens.
   */
  readonly segments: readonly Segment[];
}

/** The turns of ChatML, for files without a template. */
const CHATML = "{% for message in messages %}" +
  "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}" +
  "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

/** A role that is a plain word: templates may build a token of it, `<|user|>` for example. */
const PLAIN_ROLE = /^[A-Za-z][\w-]{0,31}$/;

/**
 * A chat template in Jinja, as model files carry them: what transformers would write, within limits
 * of length, depth and steps. A template reaches nothing but what it is given.
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
  readonly #program: readonly Statement[];
  readonly #options: ChatTemplateOptions;

  /**
   * Reads the source.
   * @param source Jinja; ChatML, if undefined
   * @param options what the template knows besides the messages
   * @throws TemplateError when the source is no valid template; it has line and column
   */
  constructor(source: string | undefined, options: ChatTemplateOptions = {}) {
    this.source = source ?? CHATML;
    this.stop = source === undefined ? ["<|im_end|>"] : [];
    this.#options = options;
    this.#program = this.#checked("read", () => parse(normalize(this.source)));
  }

  /**
   * Writes messages the way the model expects them.
   * @param messages the chat so far
   * @param options what this rendering adds
   * @throws ArgumentError when messages are no list of objects
   * @throws TemplateError when the template refuses the messages, fails, or goes beyond its limits
   */
  render(messages: readonly ChatMessage[], options: RenderOptions = {}): RenderedChat {
    checkMessages(messages);
    const rendered = this.#checked("apply", () => {
      const scope = new Scope();
      for (const [name, value] of this.#names(messages, options)) scope.set(name, value);
      return new Renderer().write(this.#program, scope);
    });
    const segments = rendered.runs().map(({ text, foreign }) => ({ text, special: !foreign }));
    return { text: rendered.text, segments };
  }

  /** What each name means where the template begins. */
  #names(messages: readonly ChatMessage[], options: RenderOptions): [string, Value][] {
    const { tools = null, documents = null, addGenerationPrompt = false, variables } = options;
    const { bosToken, eosToken } = this.#options;
    const given: Readonly<Record<string, unknown>> = { tools, documents, ...variables };
    const strftimeNow = (args: Arguments) => {
      const [format = null] = bind("strftime_now", ["format"], args, 1);
      return Text.own(strftime(this.#now(), print(format).text));
    };
    return [
      ...Object.entries(GLOBALS).map((
        [name, call],
      ): [string, Value] => [name, new Func(name, call)]),
      ["strftime_now", new Func("strftime_now", strftimeNow)],
      ...bosToken === undefined ? [] : [["bos_token", Text.own(bosToken)] as [string, Value]],
      ...eosToken === undefined ? [] : [["eos_token", Text.own(eosToken)] as [string, Value]],
      ["add_generation_prompt", addGenerationPrompt],
      ["messages", messages.map(messageValue)],
      ...Object.entries(given).filter(([, value]) => value !== undefined)
        .map(([name, value]): [string, Value] => [name, toValue(value, Text.foreign)]),
    ];
  }

  /** Does something within the budget; what goes wrong says where. */
  #checked<T>(what: string, work: () => T): T {
    try {
      return withBudget(this.#options.maxSteps ?? LIMITS.steps, work);
    } catch (error) {
      throw this.#failure(what, error);
    }
  }

  #failure(what: string, error: unknown): unknown {
    const isFault = error instanceof TemplateFault;
    if (!isFault && !(error instanceof RangeError)) return error;
    const message = isFault ? error.message : "it goes too deep"; // for the stack of JavaScript
    const state = message.replace(/\s+/g, " ").slice(0, 500);
    const { name } = this.#options;
    const template = name === undefined ? "the chat template" : `the chat template "${name}"`;
    const at = isFault ? error.at : undefined;
    const place = at === undefined ? undefined : placeOf(normalize(this.source), at);
    return new TemplateError(`Cannot ${what} ${template}: ${state}`, place, { cause: error });
  }

  #now(): Date {
    const { now } = this.#options;
    return typeof now === "function" ? now() : now === undefined ? new Date() : new Date(now);
  }
}

/** A message whose text is told from the template's; its role only if it is more than a word. */
function messageValue(message: ChatMessage): Value {
  const value = toValue(message, Text.foreign);
  const { role } = message;
  if (value instanceof Dict && typeof role === "string" && PLAIN_ROLE.test(role)) {
    value.set(Text.own("role"), Text.own(role));
  }
  return value;
}

/** Line and column, from 1, of a place in a text. */
function placeOf(source: string, at: number): { readonly line: number; readonly column: number } {
  const before = source.slice(0, at).split("\n");
  return { line: before.length, column: [...before.at(-1)!].length + 1 };
}
