/** Templates of known forms of chat, for files that have none of their own. @module */

import { ArgumentError } from "../errors.ts";

/** A form of chat. */
interface Fallback {
  /** What it is asked for by. */
  readonly name: string;
  /** A vocabulary that holds all of these was made for it. */
  readonly tokens: readonly string[];
  /** So many tokens such a vocabulary has; any number, if left out. */
  readonly size?: number;
  /** What ends an answer, where the vocabulary has no token for it. */
  readonly stop: readonly string[];
  /** What it writes: `said(message)` is the text of a message, `system` that of the first one. */
  readonly body: string;
}

/** The text of a message, of parts as well; and the system message taken off the front. */
const OPENING = "{%- macro said(message) -%}{%- if message.content is string -%}" +
  "{{ message.content }}{%- elif message.content is mapping -%}{{ message.content | tojson }}" +
  "{%- else -%}{%- for part in message.content or [] -%}" +
  "{{ part if part is string else part.text or '' }}{%- endfor -%}{%- endif -%}{%- endmacro -%}" +
  "{%- set first = messages | first -%}{%- set turns = messages -%}" +
  "{%- if first and first.role in ['system', 'developer'] -%}" +
  "{%- set system = said(first) -%}{%- set turns = messages[1:] -%}{%- endif -%}";

/** Every form, in the order in which vocabularies are held against them. */
const FALLBACKS: readonly Fallback[] = [
  {
    name: "llama3",
    tokens: ["<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"],
    stop: ["<|eot_id|>"],
    body: "{{- bos_token -}}{%- for m in messages -%}" +
      "{{- '<|start_header_id|>' ~ m.role ~ '<|end_header_id|>\\n\\n' -}}" +
      "{{- said(m) | trim ~ '<|eot_id|>' -}}{%- endfor -%}{%- if add_generation_prompt -%}" +
      "{{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' -}}{%- endif -%}",
  },
  {
    name: "gemma",
    tokens: ["<start_of_turn>", "<end_of_turn>"],
    stop: ["<end_of_turn>"],
    body: "{{- bos_token -}}{%- for m in turns -%}{{- '<start_of_turn>' -}}" +
      "{{- ('model' if m.role == 'assistant' else 'user') ~ '\\n' -}}" +
      "{%- if loop.first and system -%}{{- system ~ '\\n\\n' -}}{%- endif -%}" +
      "{{- said(m) | trim ~ '<end_of_turn>\\n' -}}{%- endfor -%}" +
      "{%- if add_generation_prompt -%}{{- '<start_of_turn>model\\n' -}}{%- endif -%}",
  },
  {
    name: "phi3",
    tokens: ["<|user|>", "<|assistant|>", "<|end|>"],
    stop: ["<|end|>"],
    body: "{%- for m in messages -%}{{- '<|' ~ m.role ~ '|>\\n' ~ said(m) ~ '<|end|>\\n' -}}" +
      "{%- endfor -%}{%- if add_generation_prompt -%}{{- '<|assistant|>\\n' -}}{%- endif -%}",
  },
  {
    name: "mistral",
    tokens: ["[INST]", "[/INST]"],
    stop: [],
    body: "{{- bos_token -}}{%- for m in turns -%}{%- if m.role == 'assistant' -%}" +
      "{{- said(m) ~ eos_token -}}{%- else -%}{{- '[INST]' -}}" +
      "{%- if loop.first and system -%}{{- system ~ '\\n\\n' -}}{%- endif -%}" +
      "{{- said(m) ~ '[/INST]' -}}{%- endif -%}{%- endfor -%}",
  },
  {
    name: "chatml",
    tokens: ["<|im_start|>", "<|im_end|>"],
    stop: ["<|im_end|>"],
    body: "{%- for m in messages -%}" +
      "{{- '<|im_start|>' ~ m.role ~ '\\n' ~ said(m) ~ '<|im_end|>\\n' -}}{%- endfor -%}" +
      "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}",
  },
  {
    name: "llama2", // it spells its turns with plain text: only the size tells
    tokens: ["<s>", "</s>", "<unk>", "<0x0A>"],
    size: 32_000,
    stop: [],
    body: "{%- for m in turns -%}{%- if m.role == 'assistant' -%}" +
      "{{- ' ' ~ said(m) | trim ~ ' ' ~ eos_token -}}{%- else -%}{{- bos_token ~ '[INST] ' -}}" +
      "{%- if loop.first and system -%}{{- '<<SYS>>\\n' ~ system ~ '\\n<</SYS>>\\n\\n' -}}" +
      "{%- endif -%}{{- said(m) | trim ~ ' [/INST]' -}}{%- endif -%}{%- endfor -%}",
  },
];

/** The names of all forms. */
export const FALLBACK_NAMES: readonly string[] = FALLBACKS.map(({ name }) => name).sort();

/** The form that is taken where a vocabulary says nothing. */
export const DEFAULT_FALLBACK = "chatml";

/** What a vocabulary has to say for choosing a form. */
export interface Holdings {
  /** How many tokens there are. */
  readonly vocabularySize: number;
  /** The token of a piece. */
  idOf(piece: string): number | undefined;
}

/** A template, and where it comes from. */
export interface ChosenTemplate {
  /** The Jinja source. */
  readonly source: string;
  /** The name of the form; undefined for a template of its own. */
  readonly fallback: string | undefined;
  /** What ends an answer besides the model's end tokens. */
  readonly stop: readonly string[];
}

/**
 * The template to use.
 * @param wanted the name of a form, or Jinja; what fits the vocabulary, if undefined
 * @param holdings the vocabulary
 * @throws ArgumentError when it is neither a name nor Jinja
 */
export function chooseTemplate(wanted: string | undefined, holdings?: Holdings): ChosenTemplate {
  const name = wanted ?? fitting(holdings);
  const form = FALLBACKS.find((one) => one.name === name);
  if (form) return { source: OPENING + form.body, fallback: form.name, stop: form.stop };
  if (/\{[{%#]/.test(name) || /\s/.test(name)) {
    return { source: name, fallback: undefined, stop: [] };
  }
  const known = FALLBACK_NAMES.join(", ");
  throw new ArgumentError(
    `Cannot use the chat template "${name}": it is neither Jinja nor ${known}`,
  );
}

/** The form whose tokens a vocabulary holds. */
function fitting(holdings: Holdings | undefined): string {
  const form = holdings &&
    FALLBACKS.find(({ tokens, size = holdings.vocabularySize }) =>
      size === holdings.vocabularySize &&
      tokens.every((token) => holdings.idOf(token) !== undefined)
    );
  return form?.name ?? DEFAULT_FALLBACK;
}
