/** Known forms of chat: what they write, and which vocabulary gets which. @module */

import { assertEquals, assertThrows } from "@std/assert";
import { chooseTemplate, FALLBACK_NAMES } from "../../src/chat/fallbacks.ts";
import { type ChatMessage, ChatTemplate } from "../../src/chat/template.ts";
import { ArgumentError } from "../../src/errors.ts";
import golden from "./fallbacks.json" with { type: "json" };

const TOKENS = { bosToken: "<s>", eosToken: "</s>" };

function render(
  form: string,
  messages: readonly ChatMessage[],
  addGenerationPrompt = false,
): string {
  const { source } = chooseTemplate(form);
  return new ChatTemplate(source, TOKENS).render(messages, { addGenerationPrompt }).text;
}

/** llama.cpp leaves BOS to the tokenizer, and asks for an answer where a user has spoken anyway. */
function comparable(form: string, text: string): string {
  const bare = text.startsWith("<s>") ? text.slice(3) : text;
  return form === "llama2" ? bare.replace(/ +(?=\[\/INST\]|<\/s>)|(?<=\[\/INST\]) /g, "") : bare;
}

for (const name of FALLBACK_NAMES) {
  Deno.test(`the form ${name} writes what llama.cpp writes`, () => {
    const cases = golden.cases.filter(({ form }) => form === name);
    assertEquals(cases.length, 8);
    for (const { messages, addGenerationPrompt, expected } of cases) {
      const found = render(name, messages, addGenerationPrompt);
      assertEquals(comparable(name, found), comparable(name, expected));
    }
  });

  Deno.test(`the form ${name} takes parts, data and nothing as content`, () => {
    const parts = [{ type: "text", text: "a" }, { type: "image" }, "b"];
    assertEquals(
      render(name, [{ role: "user", content: parts }]),
      render(name, [
        { role: "user", content: "ab" },
      ]),
    );
    for (const content of [null, undefined, [], {}]) {
      render(name, [{ role: "user", content }], true);
    }
    render(name, [], true);
  });
}

Deno.test("the vocabulary says which form", () => {
  const choose = (tokens: readonly string[], vocabularySize = 1000) =>
    chooseTemplate(undefined, {
      vocabularySize,
      idOf: (piece) => tokens.includes(piece) ? tokens.indexOf(piece) : undefined,
    }).fallback;
  const spm = ["<unk>", "<s>", "</s>", "<0x0A>"];
  assertEquals(choose(["<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]), "llama3");
  assertEquals(choose([...spm, "<start_of_turn>", "<end_of_turn>"], 256_000), "gemma");
  assertEquals(choose([...spm, "<|user|>", "<|assistant|>", "<|end|>"], 32_064), "phi3");
  assertEquals(choose([...spm, "[INST]", "[/INST]"], 32_768), "mistral");
  assertEquals(choose(["<|im_start|>", "<|im_end|>"]), "chatml");
  assertEquals(choose(spm, 32_000), "llama2");
  assertEquals(choose(spm, 2048), "chatml");
  assertEquals(choose([]), "chatml");
});

Deno.test("what is neither a form nor Jinja is refused", () => {
  assertEquals(chooseTemplate("{{ x }}"), { source: "{{ x }}", fallback: undefined, stop: [] });
  assertThrows(
    () => chooseTemplate("nope"),
    ArgumentError,
    '"nope": it is neither Jinja nor chatml,',
  );
});
