/** A turn with tools: what the template is given, what holds the answer, what reads it. @module */

import type { ChatMessage } from "../chat/template.ts";
import {
  callId,
  countCalls,
  markTokensOf,
  PLAIN_FORMAT,
  withArguments,
  withShortIds,
} from "../chat/tool_calls.ts";
import { ToolParser } from "../chat/tool_parser.ts";
import { plainCalls, tellOfTools } from "../chat/tool_prompt.ts";
import { ArgumentError } from "../errors.ts";
import type { Grammar } from "../grammar/grammar.ts";
import type { TurnTemplate } from "./chat_template.ts";
import { toolGrammar } from "./tool_grammar.ts";
import { textArguments } from "./tool_tags.ts";
import { type FunctionTool, readTools, type Tool, type ToolChoice } from "./tools.ts";

export type { FunctionTool, Tool, ToolChoice };

/** Tools of a turn, and how they may be called. */
export interface ToolOptions {
  /**
   * What the model may call. It does so in its own way where its template has one of the known
   * ones, else as Hermes does. What begins like a call is one, and always of one of these tools,
   * with arguments that meet its schema.
   */
  readonly tools?: readonly (Tool | FunctionTool)[] | undefined;
  /** Whether it calls any; "auto", which leaves that to the model, if left out. */
  readonly toolChoice?: ToolChoice | undefined;
  /** Most calls of one turn; 16 if left out. Some models make no more than one. */
  readonly maxToolCalls?: number | undefined;
}

/** A turn with tools. */
export interface ToolTurn {
  /** What the answer must look like. */
  readonly grammar: Grammar | undefined;
  /** Whether a call that is cut off is an error. */
  readonly mustFit: boolean;
  /** Tokens of the marks around calls. */
  readonly marks: readonly string[];
  /** The messages as the template takes them, and the tools if it does. */
  given(messages: readonly ChatMessage[]): {
    readonly messages: readonly ChatMessage[];
    readonly tools?: readonly object[];
  };
  /** What reads the answer to some messages; undefined where there are no calls to be read. */
  parser(messages: readonly ChatMessage[]): ToolParser | undefined;
}

/** So many calls are enough for a turn. */
const USUAL_CALLS = 16, MOST_CALLS = 1000;

/**
 * Prepares a turn; undefined where there are no tools.
 * @param isHeld whether a schema or a grammar holds the answer already
 * @throws ArgumentError for what cannot be used
 */
export function toolTurn(
  { template, toolFormat, describesTools }: TurnTemplate,
  { tools = [], toolChoice, maxToolCalls = USUAL_CALLS }: ToolOptions,
  isHeld: boolean,
): ToolTurn | undefined {
  const set = readTools(tools, toolChoice);
  if (set.tools.length === 0) return undefined;
  if (!(Number.isInteger(maxToolCalls) && maxToolCalls >= 1 && maxToolCalls <= MOST_CALLS)) {
    const state = `it is no number from 1 to ${MOST_CALLS}`;
    throw new ArgumentError(`Cannot chat with ${maxToolCalls} as "maxToolCalls": ${state}`);
  }
  const mayCall = set.callable.length > 0;
  if (isHeld && mayCall) {
    const state = 'give one of them, or the tool choice "none"';
    throw new ArgumentError(`Cannot chat with tools and a schema or grammar: ${state}`);
  }
  const format = toolFormat ?? PLAIN_FORMAT;
  const told = set.tools.map(({ description }) => description);
  const asText = format.textArguments === true;
  const texts = new Map(set.callable.map((tool) => [tool.name, textArguments(tool)]));
  const isText = (tool: string, argument: string) => texts.get(tool)?.has(argument) === true;
  return {
    grammar: isHeld ? undefined : toolGrammar(format, set, maxToolCalls),
    mustFit: set.isRequired,
    marks: markTokensOf(format),
    given: (messages) => {
      const named = format.shortIds ? withShortIds(messages) : messages;
      const converted = named.map((message) => withArguments(message, asText));
      if (toolFormat !== undefined && describesTools) return { messages: converted, tools: told };
      const written = toolFormat === undefined ? plainCalls(converted) : converted;
      return { messages: tellOfTools(template, format, written, told) };
    },
    parser: (messages) => {
      if (!mayCall) return undefined;
      const before = countCalls(messages);
      return new ToolParser(format, (index) => callId(before + index), isText);
    },
  };
}
