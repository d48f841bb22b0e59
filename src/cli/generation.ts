/** What run and chat share: flags of a generation, its output, its result. @module */

import type { GenerateOptions } from "../session/generate.ts";
import type { Generation, GenerationResult } from "../session/generation.ts";
import { COMMON, ENGINE, type Flags, text, texts, type Values, whole } from "./command.ts";
import { EXIT, UsageError, visible } from "./failure.ts";
import { joinWithin, threeDigits } from "./layout.ts";
import type { Opened } from "./models.ts";
import { samplerOptions, SAMPLING } from "./sampling.ts";
import { STRUCTURE } from "./structure.ts";
import { readStdin } from "./text_input.ts";
import { callLines } from "./tools.ts";
import {
  dim,
  isTerminal,
  note,
  Progress,
  terminalWidth,
  write,
  writeError,
  writeJson,
} from "./terminal.ts";
import { WordWrap } from "./word_wrap.ts";

const setting = true;

/** The flags of a generation. */
export const GENERATION = {
  prompt: text("TEXT", "The text (default: what comes from stdin)", { short: "p" }),
  maxTokens: whole("N", "Most tokens to generate; -1: until the end (default: -1)", {
    short: "n",
    least: -1,
    setting,
  }),
  ...SAMPLING,
  stop: texts("TEXT", "Stop before this text", { setting }),
  ...STRUCTURE,
} as const satisfies Flags;

/** The flags of a command that generates. */
export type GenerationFlags = Values<typeof GENERATION & typeof ENGINE & typeof COMMON>;

/** The options of a generation, from its flags. */
export function generateOptions(flags: GenerationFlags): GenerateOptions {
  const { maxTokens, stop } = flags;
  return { maxTokens: maxTokens === -1 ? undefined : maxTokens, stop, ...samplerOptions(flags) };
}

/** The text of `--prompt`, or what comes from stdin. */
export async function promptText(prompt: string | undefined): Promise<string> {
  if (prompt !== undefined) return prompt;
  const piped = isTerminal.stdin() ? "" : await readStdin();
  if (piped !== "") return piped;
  throw new UsageError(`Cannot answer "": there is no text; give one with -p TEXT, or on stdin`);
}

/** The line that says how far the prompt is. */
export function promptProgress(progress: Progress): (done: number, total: number) => void {
  return (done, total) => progress.share(`Reading ${total} tokens`, done, total);
}

/**
 * Runs a generation and writes its text while it comes.
 * @param signal tells an interruption from a failure
 * @param silent for JSON: nothing is written
 * @param withReasoning whether to show what the model thinks, on stderr
 * @returns what it came to, also when it was interrupted
 */
export async function writeGeneration(
  generation: Generation,
  signal: AbortSignal,
  progress: Progress,
  silent: boolean,
  withReasoning = true,
): Promise<GenerationResult> {
  const wrap = isTerminal.stdout() ? new WordWrap(terminalWidth()) : undefined;
  const thoughts = new Thoughts(withReasoning);
  try {
    for await (const { text, reasoning = "" } of generation) {
      progress.clear();
      if (!silent) thoughts.show(reasoning, text);
      if (!silent && text !== "") await write(wrap?.push(visibleText(text)) ?? text);
    }
  } catch (error) {
    if (!signal.aborted || error !== signal.reason) throw error;
  } finally {
    progress.clear();
    thoughts.end();
  }
  const result = await generation.result;
  if (!silent && wrap) await write(wrap.flush() + (result.text.endsWith("\n") ? "" : "\n"));
  const calls = silent ? [] : callLines(result.toolCalls ?? []);
  if (calls.length > 0 && !wrap && result.text !== "") await write("\n");
  for (const line of calls) await write(`${visible(line)}\n`);
  return result;
}

/** What a model thinks, on stderr, with a line of its own before the answer. */
class Thoughts {
  #isOpen = false;
  readonly #wrap = isTerminal.stderr() ? new WordWrap(terminalWidth()) : undefined;

  constructor(readonly isShown: boolean) {}

  /** Shows a thought; an answer ends it. */
  show(thought: string, answer: string): void {
    if (this.isShown && thought !== "") {
      writeError(dim(this.#wrap?.push(visibleText(thought)) ?? thought));
      this.#isOpen = true;
    }
    if (answer !== "") this.end();
  }

  /** Ends the line that thoughts have begun. */
  end(): void {
    if (this.#isOpen) writeError(dim(this.#wrap?.flush() ?? "") + "\n\n");
    this.#isOpen = false;
  }
}

/** Text for a terminal: a model must not steer it. */
function visibleText(piece: string): string {
  return piece.replace(/[^\n\t]+/g, visible);
}

/** Ends a command: its JSON, or its statistics; returns its exit code. */
export async function finish(
  opened: Opened,
  result: GenerationResult,
  { json, quiet }: GenerationFlags,
): Promise<number> {
  if (json) await writeJson(jsonResult(opened, result));
  else if (!quiet) {
    if (!isTerminal.stdout() && !result.text.endsWith("\n")) note(""); // both may go to one log
    statistics(opened, result).forEach((line) => note(dim(line)));
  }
  return result.finishReason === "abort" ? EXIT.interrupted : EXIT.done;
}

/** The result with the fields of the contract. */
function jsonResult({ path, model }: Opened, result: GenerationResult): Record<string, unknown> {
  const { promptTokens, tokens, text, reasoning, finishReason, seed, rendered, timings } = result;
  const { logprobs, nonFinite, toolCalls } = result;
  const { kvBytes, rssBytes, peakRssBytes } = model.memory();
  return {
    model: path,
    promptTokens,
    tokens,
    text,
    ...reasoning === undefined ? {} : { reasoning },
    ...toolCalls === undefined ? {} : { toolCalls },
    finishReason,
    seed,
    ...rendered === undefined ? {} : { rendered },
    ...logprobs === undefined ? {} : { logprobs },
    ...nonFinite === undefined ? {} : { nonFinite },
    timings: { loadMs: model.loadMs, ...timings },
    memory: { rssBytes, peakRssBytes: Math.max(rssBytes, peakRssBytes), kvBytes },
  };
}

/** What it took, in a line that fits the terminal. */
function statistics({ model }: Opened, result: GenerationResult): string[] {
  const { promptTokens, tokens, finishReason, timings, seed, nonFinite } = result;
  const { promptPerSecond, generatePerSecond, cachedTokens } = timings;
  const rate = (perSecond: number) => perSecond > 0 ? ` at ${threeDigits(perSecond)}/s` : "";
  const fresh = promptTokens.length - cachedTokens;
  const cached = cachedTokens > 0 ? ` (${cachedTokens} kept)` : "";
  const ends = { stop: "", length: "cut off", abort: "stopped" };
  return joinWithin([
    `loaded in ${model.loadMs.toFixed(0)} ms`,
    `prompt ${fresh} tokens${rate(promptPerSecond)}${cached}`,
    `text ${tokens.length} tokens${rate(generatePerSecond)}`,
    `seed ${seed}`,
    ...ends[finishReason] === "" ? [] : [ends[finishReason]],
    ...nonFinite === undefined ? [] : [`${nonFinite} logits were not finite: the model is broken`],
  ], terminalWidth());
}
