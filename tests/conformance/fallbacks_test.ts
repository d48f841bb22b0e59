/** Known forms of chat against the templates that models of the pack have themselves. @module */

import { assert, assertEquals } from "@std/assert";
import { chooseTemplate } from "../../src/chat/fallbacks.ts";
import { type ChatMessage, ChatTemplate } from "../../src/chat/template.ts";
import { sharedTest } from "../support.ts";

interface CaseFile {
  bos_token: string;
  eos_token: string;
  cases: {
    name: string;
    input: { messages: ChatMessage[]; add_generation_prompt: boolean; tools: unknown };
    expected?: string;
  }[];
}

/** A model's own template, the form that it is, and where it does more than the form. */
interface Own {
  readonly file: string;
  readonly form: string;
  /** Whether it has a system message where the chat has none. */
  readonly system?: boolean;
  /** Chats that it writes in a way of its own. */
  readonly except?: readonly string[];
}

const MODELS: readonly Own[] = [
  { file: "smollm2-gguf", form: "chatml", system: true },
  { file: "Qwen-Qwen2.5-7B-Instruct", form: "chatml", system: true },
  { file: "google-gemma-2-2b-it", form: "gemma" },
  // It ends with EOS where no answer is asked for.
  { file: "microsoft-Phi-3.5-mini-instruct", form: "phi3", except: ["no_generation_prompt"] },
  // It moves the system message to the last turn.
  { file: "mistralai-Mistral-Nemo-Instruct-2407", form: "mistral", except: ["multi_turn"] },
  // Dates stand in each system message.
  { file: "meta-llama-Llama-3.2-3B-Instruct", form: "llama3", system: true },
];

for (const { file, form, system = false, except = [] } of MODELS) {
  const needs = `conformance/chat/${file}.cases.json`;
  sharedTest(`the form ${form} is what ${file} writes`, needs, (path) => {
    const { cases, bos_token, eos_token }: CaseFile = JSON.parse(Deno.readTextFileSync(path));
    const { source } = chooseTemplate(form);
    const template = new ChatTemplate(source, { bosToken: bos_token, eosToken: eos_token });
    const plain = cases.filter(({ name, input, expected }) =>
      expected !== undefined && !input.tools && !except.includes(name)
    );
    assert(plain.length >= 3);
    for (const { name, input, expected } of plain) {
      const { messages, add_generation_prompt: addGenerationPrompt } = input;
      const turns = system ? messages.filter(({ role }) => role !== "system") : messages;
      const text = template.render(turns, { addGenerationPrompt }).text;
      // A model with a system message of its own: the turns after it.
      const tail = system ? text.replace(bos_token, "") : text;
      assertEquals(expected!.slice(-tail.length), tail, name);
      if (!system) assertEquals(text, expected, name);
    }
  });
}
