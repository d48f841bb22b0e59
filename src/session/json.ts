/** Values out of a model: from which schemas, of which types, and how they arrive. @module */

import { CriaError } from "../errors.ts";
import { PartialJson } from "../grammar/partial_json.ts";
import type { GenerateOptions } from "./generate.ts";
import type { Generation, GenerationResult } from "./generation.ts";
import { validated } from "./json_source.ts";
import type { JsonSchema } from "./structure.ts";
import type { FromSchema } from "./json_types.ts";

export type { FromSchema };

/**
 * What any library of schemas has that follows Standard Schema 1 (standardschema.dev): a way to
 * check a value. With `jsonSchema` beside it (Standard JSON Schema), nothing else is needed.
 */
export interface StandardSchema<Output = unknown> {
  /** The properties of the standard. */
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate?: (
      value: unknown,
    ) => StandardResult<Output> | Promise<StandardResult<Output>>;
    readonly jsonSchema?: {
      readonly input: (options: { readonly target: string }) => Record<string, unknown>;
    };
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined;
  };
}

/** What checking a value comes to. */
export type StandardResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly StandardIssue[] };

/** What is wrong with a value. */
export interface StandardIssue {
  /** What is wrong. */
  readonly message: string;
  /** Where. */
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** A schema of a library that cannot turn it into a JSON Schema by itself, with one beside it. */
export interface SchemaPair<Output = unknown> {
  /** Checks the value, and gives it its type. */
  readonly schema: StandardSchema<Output>;
  /** What the text must meet. */
  readonly jsonSchema: JsonSchema;
}

/** What `session.json` takes: a Standard Schema, one with a JSON Schema beside it, or only that. */
export type JsonSource = StandardSchema | SchemaPair | JsonSchema;

/** The type of the values of a schema. */
export type JsonOf<S> = S extends SchemaPair<infer Output> ? Output
  : S extends { readonly "~standard": { readonly types?: infer T } }
    ? NonNullable<T> extends { readonly output: infer Output } ? Output : unknown
  : FromSchema<S>;

/** A value of which only a part is known. */
export type PartialOf<T> = T extends readonly (infer Item)[] ? PartialOf<Item>[]
  : T extends object ? { [K in keyof T]?: PartialOf<T[K]> }
  : T;

/** Options of a value: those of a generation, without what would end it too soon. */
export interface JsonOptions extends Omit<GenerateOptions, "schema" | "grammar" | "stop"> {
  /** Whether a model that thinks before it answers messages may do so; true if left out. */
  readonly reasoning?: boolean | undefined;
}

/**
 * A value that is being generated: await it, or watch it grow. Like a `Generation`, nothing happens
 * before, and it is read once.
 */
export class JsonGeneration<T> implements PromiseLike<T> {
  readonly #generation: Generation;
  readonly #schema: StandardSchema | undefined;
  readonly #signal: AbortSignal | undefined;
  #value: Promise<T> | undefined;

  /** Sessions make them. */
  constructor(
    generation: Generation,
    schema: StandardSchema | undefined,
    signal: AbortSignal | undefined,
  ) {
    this.#generation = generation;
    this.#schema = schema;
    this.#signal = signal;
  }

  /** What it came to, as text and tokens. */
  get result(): Promise<GenerationResult> {
    return this.#generation.result;
  }

  /**
   * Waits for the value.
   * @throws CriaError when the library of the schema refuses it
   */
  then<A = T, B = never>(
    onValue?: ((value: T) => A | PromiseLike<A>) | null,
    onError?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.#read().then(onValue, onError);
  }

  /**
   * The value as it grows: after each token that makes more of it certain, what there is. Strings
   * come as they are written; numbers and words when they are complete.
   */
  async *partials(): AsyncGenerator<PartialOf<T>, void, void> {
    const partial = new PartialJson();
    for await (const { text } of this.#generation) {
      if (!partial.push(text)) continue;
      const value = partial.value();
      if (value !== undefined) yield value as PartialOf<T>;
    }
  }

  #read(): Promise<T> {
    return this.#value ??= this.#generation.result.then(({ text, finishReason }) => {
      this.#signal?.throwIfAborted();
      if (finishReason === "abort") throw new CriaError("Cannot read the value: it was stopped");
      return validated(this.#schema, JSON.parse(text)) as Promise<T>;
    });
  }
}
