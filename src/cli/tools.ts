/** The flags of tools: what a model may call, from a file, and whether it has to. @module */

import { CriaError } from "../errors.ts";
import { isRecord, type ToolCall } from "../chat/tool_calls.ts";
import type { ToolOptions } from "../session/tool_turn.ts";
import { readTools, type Tool, type ToolChoice } from "../session/tools.ts";
import { text, type Values } from "./command.ts";
import { about, UsageError } from "./failure.ts";
import { readList } from "./json_file.ts";

/** The flags. */
export const TOOLS = {
  tools: text("FILE", "A JSON file with a list of tools, as the OpenAI interface has them"),
  toolChoice: text("CHOICE", "Call tools: auto, none, required, or the name of one"),
} as const;

/**
 * Reads the tools, and sees whether they can be used, before a model is loaded.
 * @throws CriaError naming the file that cannot be used
 */
export async function readToolFlags(
  { tools: path, toolChoice: chosen }: Values<typeof TOOLS>,
): Promise<ToolOptions> {
  if (path === undefined) {
    if (chosen === undefined) return {};
    throw new UsageError("Cannot use --tool-choice: there are no --tools");
  }
  const tools = await readList(path), toolChoice = choiceOf(chosen);
  return await about("use", path, () => {
    const odd = tools.findIndex((tool) => !isTool(tool));
    if (odd >= 0) throw new CriaError(`tool ${odd + 1} has no name`);
    const options = { tools: tools as readonly Tool[], toolChoice };
    readTools(options.tools, toolChoice);
    return options;
  });
}

function isTool(tool: object): boolean {
  const inner = isRecord(tool) && isRecord(tool.function) ? tool.function : tool;
  return "name" in inner && typeof inner.name === "string";
}

function choiceOf(chosen: string | undefined): ToolChoice | undefined {
  if (chosen === undefined || chosen === "auto") return chosen;
  return chosen === "none" || chosen === "required" ? chosen : { name: chosen };
}

/** Calls as they are written under an answer: one a line, in JSON. */
export function callLines(calls: readonly ToolCall[]): string[] {
  return calls.map(({ name, arguments: given }) => JSON.stringify({ name, arguments: given }));
}
