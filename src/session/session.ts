/** A conversation with a model: its past, and the generations that go on from it. @module */

import { checkMessages } from "../chat/messages.ts";
import type { ChatMessage, RenderOptions } from "../chat/template.ts";
import { withReasoning } from "../chat/reasoning.ts";
import { ArgumentError } from "../errors.ts";
import { Sampler, type SamplerOptions } from "../sampling/sampler.ts";
import { spellingsOf } from "./breakers.ts";
import { chatTemplateOf, reasoningAfter, type TurnTemplate } from "./chat_template.ts";
import type { Engine } from "./engine.ts";
import { type GenerateOptions, type PromptParts, Run, type RunParts } from "./generate.ts";
import { Generation } from "./generation.ts";
import { JsonGeneration, type JsonOf, type JsonOptions, type JsonSource } from "./json.ts";
import { targetOf } from "./json_source.ts";
import { Past } from "./past.ts";
import { encodeSegments } from "./prompt.ts";
import { grammarOf } from "./structure.ts";
import { createGuesser } from "./speculate.ts";
import { writeSnapshot } from "./snapshot.ts";
import { type RunOptions, ToolRun } from "./tool_run.ts";
import { type ToolOptions, type ToolTurn, toolTurn } from "./tool_turn.ts";

/** Sampler options that hold for every generation of a session unless it brings its own. */
export type SessionOptions = SamplerOptions;

/** Options of one turn of a chat. */
export interface ChatOptions
  extends GenerateOptions, ToolOptions, Pick<RenderOptions, "documents" | "variables"> {
  /** Whether what the model thinks is told from its answer; true if left out. */
  readonly reasoning?: boolean | undefined;
}

/** Text (never parsed for special tokens) or token ids. */
export type Prompt = string | readonly number[];

/**
 * A conversation with a model. It holds native memory: dispose of it, best with `using`; that
 * waits for a call in flight. One generation runs at a time.
 */
export class Session implements Disposable {
  readonly #engine: Engine;
  readonly #options: SessionOptions;
  readonly #past: Past;

  /**
   * Begins with an empty past, or with a given one.
   * @param engine the model; `model.session(options)` passes itself
   * @param options sampler options of all generations
   * @throws ArgumentError when a sampler option cannot be used
   */
  constructor(engine: Engine, options?: SessionOptions, past?: Past) {
    new Sampler(options, spellingsOf(engine.tokenizer)); // its checks, early
    this.#engine = engine;
    this.#options = options ?? {};
    this.#past = past ?? new Past(engine.createSequence());
  }

  /** How many tokens the past has. */
  get position(): number {
    return this.#past.tokens.length;
  }

  /** How many tokens the context holds. */
  get capacity(): number {
    return this.#past.capacity;
  }

  /** The tokens of the past. */
  get tokens(): readonly number[] {
    return [...this.#past.tokens];
  }

  /**
   * Generates from a prompt that stands for itself. What it has in common with the past is taken
   * from the cache; the rest of the past is forgotten.
   * @throws ArgumentError when an option cannot be used; on reading, ContextError when the prompt
   * does not fit
   */
  generate(prompt: Prompt, options: GenerateOptions = {}): Generation {
    return this.#start(options, async () => ({ tokens: await this.#encode(prompt, true) }));
  }

  /**
   * Generates from the past and what is added to it; an empty text just goes on.
   * @throws ArgumentError when an option cannot be used; on reading, ContextError when it does
   * not fit
   */
  extend(prompt: Prompt = "", options: GenerateOptions = {}): Generation {
    return this.#start(options, async () => {
      const past = this.#past.tokens;
      return { tokens: [...past, ...await this.#encode(prompt, past.length === 0)] };
    });
  }

  /**
   * Answers a list of messages by the model's chat template; where the file has none, by a known
   * form that fits its vocabulary. A list that goes on from an earlier one computes only what is
   * new.
   * @throws ArgumentError when an option cannot be used, TemplateError when the template cannot be
   * read; on reading, TemplateError when it refuses the messages, ContextError when they do not fit
   */
  chat(messages: readonly ChatMessage[], options: ChatOptions = {}): Generation {
    const { tools, toolChoice, maxToolCalls, documents, variables, reasoning, ...rest } = options;
    const isHeld = rest.schema !== undefined || rest.grammar !== undefined; // and ends by itself
    const template = chatTemplateOf(this.#engine, tools !== undefined && tools.length > 0);
    const turn = toolTurn(template, { tools, toolChoice, maxToolCalls }, isHeld);
    const stop = [rest.stop ?? [], isHeld ? [] : template.stop].flat();
    const prompt = { template, turn, context: { documents, variables }, reasoning };
    return this.#start({ ...rest, stop }, () => this.#render(messages, prompt), turn);
  }

  /**
   * Generates a value that meets a schema, and always is one: where tokens run out, it takes the
   * shortest way to its end. Members come in the order in which `properties` declares them.
   * @param prompt a text or tokens, which stand for themselves, or messages of a chat
   * @param source a JSON Schema (written as a literal it types the value), a Standard Schema such
   * as Zod, Valibot and ArkType have, or `{ schema, jsonSchema }` where it has no JSON Schema
   * @throws ArgumentError for what cannot be enforced, with its path; on reading, CriaError when no
   * value fits, or the library of the schema refuses it
   * @example
   * ```ts
   * import { Model } from "../../mod.ts";
   *
   * using model = await Model.load("models/story.gguf", { context: 256 });
   * using session = model.session({ seed: 7 });
   * const hero = await session.json("The hero of the story: ", {
   *   type: "object",
   *   properties: { name: { type: "string", maxLength: 20 }, age: { type: "integer" } },
   *   required: ["name", "age"],
   * });
   * console.assert(hero.name.length <= 20 && Number.isInteger(hero.age));
   * ```
   */
  json<const S extends JsonSource>(
    prompt: Prompt | readonly ChatMessage[],
    source: S,
    { reasoning, ...options }: JsonOptions = {},
  ): JsonGeneration<JsonOf<S>> {
    if (options.maxTokens === 0) {
      throw new ArgumentError('Cannot generate a value with "maxTokens": 0 leaves no room for it');
    }
    const { jsonSchema, schema } = targetOf(source);
    const tokens = isChat(prompt)
      ? () => this.#render(prompt, { template: chatTemplateOf(this.#engine), reasoning })
      : async () => ({ tokens: await this.#encode(prompt, true) });
    const held = { ...options, schema: jsonSchema };
    return new JsonGeneration(this.#start(held, tokens, { mustFit: true }), schema, options.signal);
  }

  /**
   * Answers messages with the help of tools: the model calls them, their handlers answer, and so
   * on until it has an answer. What a handler throws is told to the model as well.
   * @throws ArgumentError when an option cannot be used
   * @example
   * ```ts
   * import { defineTool, Model } from "../../mod.ts";
   *
   * const now = defineTool({ name: "now", execute: () => new Date().toISOString() });
   * using model = await Model.load("models/story.gguf", { context: 512 });
   * using session = model.session({ seed: 7 });
   * const messages = [{ role: "user", content: "What time is it?" }];
   * const options = { tools: [now], toolChoice: "required", maxTokens: 40 } as const;
   * for await (const event of session.run(messages, options)) {
   *   if (event.type === "call") console.assert(event.call.name === "now");
   * }
   * ```
   */
  run(messages: readonly ChatMessage[], options: RunOptions): ToolRun {
    return new ToolRun(this, messages, options);
  }

  /**
   * Another session with the same past and options; both go on alone. What they have in common is
   * in memory once.
   * @throws CriaError while a generation is running
   */
  fork(): Session {
    return new Session(this.#engine, this.#options, this.#past.fork());
  }

  /**
   * Writes the session into a file, from which `model.restore` makes it anew, in this or another
   * process: tokens, options, keys and values. A file of that name is replaced when all is written.
   * @param path the file
   * @throws CriaError while a generation is running; ArgumentError where the session's `order` has
   * a function
   */
  async save(path: string): Promise<void> {
    const tokens = this.tokens, options = plainOptions(this.#options);
    await this.#past.lend("save", async (cached, pages) => {
      const identity = await this.#engine.identity();
      await writeSnapshot(path, { ...identity, tokens, cached, options }, pages);
    });
  }

  /** Forgets the past. */
  reset(): void {
    this.rewind(0);
  }

  /**
   * Goes back to an earlier position. Where layers see a window only, going back further than that
   * takes time when the session goes on: what is gone by then is computed anew.
   * @param position how many tokens stay, at most as many as there are
   */
  rewind(position: number): void {
    if (!(Number.isInteger(position) && position >= 0 && position <= this.position)) {
      throw new ArgumentError(
        `Cannot rewind to ${position}: the session has ${this.position} tokens`,
      );
    }
    this.#past.rewind(position);
  }

  /** Frees the cache: now, or when the call in flight is done. */
  [Symbol.dispose](): void {
    this.#past[Symbol.dispose]();
  }

  /** The prompt that messages come to. */
  async #render(messages: readonly ChatMessage[], all: Turn): Promise<PromptParts> {
    checkMessages(messages);
    const { template, turn, context, reasoning = true } = all;
    const given = turn?.given(messages) ?? { messages };
    const rendered = template.template.render(given.messages.map(withReasoning), {
      ...{ ...context, tools: given.tools },
      addGenerationPrompt: true,
    });
    const tokens = await encodeSegments(this.#engine.tokenizer, rendered.segments);
    return {
      tokens,
      rendered: rendered.text,
      reasoning: reasoning ? reasoningAfter(rendered.text, template) : undefined,
      tools: turn?.parser(messages),
    };
  }

  #start(
    options: GenerateOptions,
    prompt: RunParts["prompt"],
    held: Pick<RunParts, "grammar" | "marks" | "mustFit"> = {},
  ): Generation {
    this.#past.assertUsable();
    const all = { ...this.#options, ...options };
    const { tokenizer } = this.#engine;
    const sampler = new Sampler(all, spellingsOf(tokenizer)), past = this.#past;
    const { marks, mustFit, grammar = grammarOf(all) } = held;
    const guesser = all.speculate && createGuesser(all.speculate, this.#engine);
    return new Generation(
      new Run({ past, tokenizer, sampler, guesser, grammar, marks, mustFit, prompt }, all),
    );
  }

  async #encode(prompt: Prompt, first: boolean): Promise<readonly number[]> {
    if (typeof prompt !== "string") return prompt;
    const { tokenizer } = this.#engine;
    return await tokenizer.encodeAsync(prompt, { bos: first && tokenizer.addBos, special: false });
  }
}

/** What messages are rendered with. */
interface Turn {
  readonly template: TurnTemplate;
  readonly turn?: ToolTurn | undefined;
  readonly context?: RenderOptions;
  readonly reasoning?: boolean | undefined;
}

function isChat(prompt: Prompt | readonly ChatMessage[]): prompt is readonly ChatMessage[] {
  return typeof prompt !== "string" && typeof prompt[0] === "object";
}

/** Options as JSON can have them: it knows neither maps nor infinite numbers, nor functions. */
function plainOptions(options: SessionOptions): Record<string, unknown> {
  const { logitBias = {}, bannedTokens = [], order } = options;
  if (order?.some((entry) => typeof entry === "function")) {
    throw new ArgumentError(`Cannot save the session: there is a function in its "order"`);
  }
  const bias = logitBias instanceof Map ? [...logitBias] : Object.entries(logitBias);
  const banned = bias.filter(([, by]) => by === -Infinity).map(([token]) => Number(token));
  return {
    ...options,
    logitBias: Object.fromEntries(bias.filter(([, by]) => by > -Infinity)),
    bannedTokens: [...bannedTokens, ...banned],
  };
}
