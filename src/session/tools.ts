/** Tools that a model may call: how they are described, and which of them it may choose. @module */

import { ArgumentError } from "../errors.ts";
import { isRecord } from "../chat/tool_calls.ts";
import type { JsonSource, StandardSchema } from "./json.ts";
import { targetOf } from "./json_source.ts";

/** A tool, as a model sees it. */
export interface Tool {
  /** What it is called: letters, digits, `_`, `-`, `.` and `/`. */
  readonly name: string;
  /** What it does, and when to use it. */
  readonly description?: string | undefined;
  /**
   * Its arguments, an object: a JSON Schema, or a Standard Schema such as those of Zod, Valibot and
   * ArkType. None, if left out. Unless `additionalProperties` says so, there are no others.
   */
  readonly parameters?: JsonSource | undefined;
}

/** A tool as the OpenAI interface writes it. */
export interface FunctionTool {
  /** What kind of tool it is. */
  readonly type: "function";
  /** The tool. */
  readonly function: Tool;
}

/**
 * Whether tools are called: the model decides, it must not, it must, or it must call this one.
 */
export type ToolChoice = "auto" | "none" | "required" | { readonly name: string };

/** A tool that is ready for use. */
export interface PreparedTool {
  readonly name: string;
  /** What its arguments meet. */
  readonly schema: object;
  /** Checks arguments beyond that; undefined for a plain JSON Schema. */
  readonly check: StandardSchema | undefined;
  /** What templates are given. */
  readonly description: object;
}

/** The tools of a turn, and which may be called. */
export interface ToolSet {
  /** All of them: these are described. */
  readonly tools: readonly PreparedTool[];
  /** Those that may be called. */
  readonly callable: readonly PreparedTool[];
  /** Whether there must be a call. */
  readonly isRequired: boolean;
}

const CHOICES = ["auto", "none", "required"];
const NAME = /^[\p{L}\p{N}_./-]{1,64}$/u;

/**
 * Reads the tools of a turn.
 * @throws ArgumentError for what cannot be used
 */
export function readTools(
  given: readonly (Tool | FunctionTool)[],
  choice: ToolChoice = "auto",
): ToolSet {
  const tools = given.map((tool) => prepare("function" in tool ? tool.function : tool));
  const names = tools.map(({ name }) => name);
  const twice = names.find((name, at) => names.indexOf(name) < at);
  if (twice !== undefined) throw new ArgumentError(`Cannot use the tools: two are "${twice}"`);
  if (typeof choice !== "object") {
    if (!CHOICES.includes(choice)) {
      const state = `it is none of ${CHOICES.join(", ")}, nor { name }`;
      throw new ArgumentError(`Cannot use the tool choice "${choice}": ${state}`);
    }
    const isRequired = choice === "required";
    if (isRequired && tools.length === 0) {
      throw new ArgumentError('Cannot use the tool choice "required": there are no tools');
    }
    return { tools, isRequired, callable: choice === "none" ? [] : tools };
  }
  const callable = tools.filter(({ name }) => name === choice.name);
  if (callable.length > 0) return { tools, callable, isRequired: true };
  const state = names.length === 0 ? "there are no tools" : `there are ${names.join(", ")}`;
  throw new ArgumentError(`Cannot call the tool "${choice.name}": ${state}`);
}

function prepare(tool: Tool): PreparedTool {
  const { name, description = "", parameters = {} } = tool;
  if (typeof name !== "string" || !NAME.test(name)) {
    const state = "a name has 1 to 64 letters, digits, _, -, . and /";
    throw new ArgumentError(`Cannot use the tool ${JSON.stringify(name)}: ${state}`);
  }
  const { jsonSchema, schema: check } = targetOf(parameters);
  const schema = jsonSchema === true ? {} : jsonSchema;
  if (!isRecord(schema) || (schema.type ?? "object") !== "object") {
    throw new ArgumentError(`Cannot use the tool "${name}": its parameters are no object`);
  }
  assertJson(name, schema);
  const told: Record<string, unknown> = { type: "object", properties: {}, ...schema };
  delete told.$schema; // says nothing to a model
  const plain = Object.fromEntries(
    Object.entries(tool).filter(([, value]) => typeof value !== "function"),
  );
  return {
    name,
    schema: closed(schema),
    check,
    description: { type: "function", function: { ...plain, description, parameters: told } },
  };
}

/** @throws ArgumentError for what templates and grammars could not be given */
function assertJson(name: string, schema: object): void {
  try {
    JSON.stringify(schema);
  } catch (error) {
    const state = error instanceof Error ? error.message.split("\n")[0] : error;
    throw new ArgumentError(`Cannot use the tool "${name}": its parameters are no JSON: ${state}`);
  }
}

const OPENERS = ["additionalProperties", "unevaluatedProperties", "patternProperties", "$ref"];
const COMBINERS = ["allOf", "anyOf", "oneOf", "if"];

/** An object has the members that are declared, unless the schema itself speaks of others. */
function closed(schema: Record<string, unknown>): object {
  const isOpen = [...OPENERS, ...COMBINERS].some((keyword) => keyword in schema);
  return { type: "object", ...schema, ...isOpen ? {} : { additionalProperties: false } };
}
