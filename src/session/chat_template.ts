/** The chat template of a model, made from its file, and what follows for answers. @module */

import { chooseTemplate } from "../chat/fallbacks.ts";
import { type Markers, reasoningMarkers, ReasoningSplitter, tokensOf } from "../chat/reasoning.ts";
import { describesTools, type ToolFormat, toolFormatOf } from "../chat/tool_calls.ts";
import { ChatTemplate } from "../chat/template.ts";
import type { Engine } from "./engine.ts";
import type { Reasoning } from "./generate.ts";

/** A template, and what ends an answer besides the model's end tokens. */
export interface TurnTemplate {
  /** Writes the messages. */
  readonly template: ChatTemplate;
  /** Texts that end a turn; none where the file has a template of its own. */
  readonly stop: readonly string[];
  /** How the model marks its reasoning, if it does. */
  readonly markers: Markers | undefined;
  /** How it writes calls of tools, if it does in a known way. */
  readonly toolFormat: ToolFormat | undefined;
  /** Whether it describes tools; some write calls, but leave that to others. */
  readonly describesTools: boolean;
}

const KNOWN = new WeakMap<Engine, Map<string | undefined, TurnTemplate>>();

/**
 * The template of a model; where its file has none, the form that its vocabulary fits.
 * @param withTools for a chat with tools, for which some models have a template of its own
 */
export function chatTemplateOf(engine: Engine, withTools = false): TurnTemplate {
  const known = KNOWN.get(engine) ?? new Map<string | undefined, TurnTemplate>();
  const source = withTools ? engine.toolTemplate ?? engine.chatTemplate : engine.chatTemplate;
  const made = known.get(source) ?? prepare(engine, source);
  KNOWN.set(engine, known.set(source, made));
  return made;
}

function prepare({ tokenizer }: Engine, wanted: string | undefined): TurnTemplate {
  const piece = (id: number | undefined) => id === undefined ? "" : tokenizer.piece(id);
  const { source, stop } = chooseTemplate(wanted, tokenizer);
  const template = new ChatTemplate(source, {
    bosToken: piece(tokenizer.bosToken),
    eosToken: piece(tokenizer.eosToken),
  });
  const markers = reasoningMarkers(source, (token) => tokenizer.idOf(token) !== undefined);
  const tools = { toolFormat: toolFormatOf(source), describesTools: describesTools(source) };
  return { template, stop, markers, ...tools };
}

/** Tells reasoning from an answer that follows a prompt; the prompt may have opened it. */
export function reasoningAfter(prompt: string, { markers }: TurnTemplate): Reasoning | undefined {
  if (!markers) return undefined;
  const isOpen = prompt.trimEnd().endsWith(markers.open);
  return { splitter: new ReasoningSplitter(markers, isOpen), tokens: tokensOf(markers), markers };
}
