/** The chat template of a model, made from its file. @module */

import { chooseTemplate } from "../chat/fallbacks.ts";
import { type Markers, reasoningMarkers } from "../chat/reasoning.ts";
import { ChatTemplate } from "../chat/template.ts";
import type { Engine } from "./engine.ts";

/** A template, and what is known of its answers. */
export interface TurnTemplate {
  /** Writes the messages. */
  readonly template: ChatTemplate;
  /** Texts that end a turn; none where the file has a template of its own. */
  readonly stop: readonly string[];
  /** How it marks its reasoning, if it does. */
  readonly markers: Markers | undefined;
}

const KNOWN = new WeakMap<Engine, TurnTemplate>();

/** The template of a model; where its file has none, the form that its vocabulary fits. */
export function chatTemplateOf(engine: Engine): TurnTemplate {
  const known = KNOWN.get(engine), { tokenizer, chatTemplate } = engine;
  if (known) return known;
  const piece = (id: number | undefined) => id === undefined ? "" : tokenizer.piece(id);
  const { source, stop } = chooseTemplate(chatTemplate, tokenizer);
  const template = new ChatTemplate(source, {
    bosToken: piece(tokenizer.bosToken),
    eosToken: piece(tokenizer.eosToken),
  });
  const markers = reasoningMarkers(source, (token) => tokenizer.idOf(token) !== undefined);
  const made = { template, stop, markers };
  KNOWN.set(engine, made);
  return made;
}
