/** Hostile texts in every template of the pack, over real vocabularies. @module */

import { assertEquals } from "@std/assert";
import { chooseTemplate, FALLBACK_NAMES } from "../../src/chat/fallbacks.ts";
import { ChatTemplate } from "../../src/chat/template.ts";
import { openGguf } from "../../src/format/gguf.ts";
import { encodeSegments } from "../../src/session/prompt.ts";
import { Tokenizer } from "../../src/tokenizer/tokenizer.ts";
import { type ChatKind, CHATS, chatWith, hostileTexts } from "../chat/hostile.ts";
import { sharedFolder, sharedTest } from "../support.ts";
import { bpeFile, openPacked } from "../tokenizer/vocabularies.ts";
import { packPath, SMOLLM2 } from "./pack.ts";

/** Everything in the templates of the pack that their models have a token for. */
const SPELLED = /<\|[^|<>'"]*\|>|<\/?[a-z_]+>|\[\/?[A-Z_]+\]/g;

/** The template of a file, and the tokens that it can write. */
function read(name: string): { template: ChatTemplate; tokens: string[] } {
  const source = Deno.readTextFileSync(packPath(`chat/${name}`));
  const { bos_token: bosToken, eos_token: eosToken } = JSON.parse(
    Deno.readTextFileSync(packPath(`chat/${name.replace(".jinja", ".cases.json")}`)),
  );
  const template = new ChatTemplate(source, { bosToken, eosToken, now: "2024-07-26" });
  const built = ["<|user|>", "<|system|>", "<|assistant|>"]; // of roles
  return {
    template,
    tokens: [...new Set([bosToken, eosToken, ...built, ...source.match(SPELLED) ?? []])],
  };
}

/** The control tokens of a chat; what the template says if it refuses the chat. */
async function controls(
  tokenizer: Tokenizer,
  template: ChatTemplate,
  text: string,
  kind: ChatKind,
): Promise<number[] | string> {
  const [messages, options] = chatWith(text, kind);
  try {
    const { segments } = template.render(messages, { ...options, addGenerationPrompt: true });
    const ids = await encodeSegments(tokenizer, segments);
    return ids.filter((id) => ["control", "unknown"].includes(tokenizer.kind(id)));
  } catch (error) {
    return (error as Error).message;
  }
}

/** Holds every hostile text in every place against a harmless one. */
async function hold(
  tokenizer: Tokenizer,
  template: ChatTemplate,
  texts: readonly string[],
): Promise<void> {
  for (const kind of Object.keys(CHATS) as ChatKind[]) {
    const expected = await controls(tokenizer, template, "hello", kind);
    for (const text of texts) {
      assertEquals(await controls(tokenizer, template, text, kind), expected, JSON.stringify(text));
    }
  }
}

const folder = `${sharedFolder()}/conformance/chat`;
const names = sharedFolder() === undefined
  ? []
  : [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) => name.endsWith(".jinja"));

for (const name of names) {
  Deno.test(`no message brings in a special token: ${name}`, async () => {
    const { template, tokens } = read(name);
    const pieces = tokens.map((token) => [token, "control"] as const);
    await hold(Tokenizer.from(bpeFile([], pieces)), template, hostileTexts(tokens));
  });
}

for (const name of FALLBACK_NAMES) {
  Deno.test(`no message brings in a special token: the form ${name}`, async () => {
    const { source } = chooseTemplate(name);
    const tokens = ["<s>", "</s>", ...source.match(SPELLED) ?? []];
    const pieces = [...new Set(tokens)].map((token) => [token, "control"] as const);
    const template = new ChatTemplate(source, { bosToken: "<s>", eosToken: "</s>" });
    await hold(Tokenizer.from(bpeFile([], pieces)), template, hostileTexts(tokens));
  });
}

sharedTest("nor in the vocabulary of a real model", SMOLLM2, async (path) => {
  using file = await openGguf(path);
  const tokenizer = Tokenizer.from(file);
  const source = String(file.metadata.get("tokenizer.chat_template"));
  await hold(
    tokenizer,
    new ChatTemplate(source),
    hostileTexts(["<|im_start|>", "<|im_end|>", "<|endoftext|>"]),
  );
});

for (const vocabulary of ["llama-spm", "gpt-2"]) {
  const needs = `conformance/tokenizers/${vocabulary}.vocab.gguf.gz`;
  sharedTest(`nor in the vocabulary ${vocabulary}`, needs, async (path) => {
    using file = await openPacked(path);
    const tokenizer = Tokenizer.from(file);
    const ids = Array.from({ length: tokenizer.vocabularySize }, (_, id) => id);
    const tokens = ids.filter((id) => tokenizer.kind(id) === "control").map((id) =>
      tokenizer.piece(id)
    );
    const template = new ChatTemplate(undefined);
    const texts = hostileTexts([...tokens, "<unk>"]);
    for (const kind of ["user", "turns"] as const) {
      const expected = await controls(tokenizer, template, "hello", kind);
      for (const text of texts) {
        assertEquals(
          await controls(tokenizer, template, text, kind),
          expected,
          JSON.stringify(text),
        );
      }
    }
  });
}
