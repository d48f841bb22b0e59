/** `cria template`: what a chat looks like to a model. @module */

import { CriaError } from "../errors.ts";
import type { ChatMessage } from "../chat/template.ts";
import { define, text, toggle } from "./command.ts";
import { about } from "./failure.ts";
import { openFile } from "./models.ts";
import { isTerminal, note, write, writeJson } from "./terminal.ts";

/** The command. */
export const command = define({
  arguments: [
    { name: "MODEL", help: "A GGUF file, or a folder with safetensors" },
    { name: "MESSAGES", help: 'A JSON file: [{"role": "user", "content": "Hi"}]' },
  ],
  flags: {
    tools: text("FILE", "A JSON file with a list of tools, as the OpenAI interface has them"),
    noGenerationPrompt: toggle("End after the last message, not where the answer begins"),
  },
  examples: ["template model.gguf messages.json"],
  async run({ flags, given: [path = "", messagesPath = ""] }) {
    using file = await openFile(path);
    const messages = await readList(messagesPath);
    const tools = flags.tools === undefined ? undefined : await readList(flags.tools);
    const { ChatTemplate } = await import("../chat/template.ts");
    const { Tokenizer } = await import("../tokenizer/tokenizer.ts");
    const rendered = await about("apply the chat template of", path, () => {
      const source = file.metadata.get("tokenizer.chat_template");
      if (typeof source !== "string" && !flags.quiet) {
        note(`${JSON.stringify(path)} has no chat template; this is ChatML.`);
      }
      const tokenizer = Tokenizer.from(file);
      const spell = (id: number | undefined) => id === undefined ? "" : tokenizer.piece(id);
      const template = new ChatTemplate(typeof source === "string" ? source : undefined, {
        bosToken: spell(tokenizer.bosToken),
        eosToken: spell(tokenizer.eosToken),
      });
      const addGenerationPrompt = !flags.noGenerationPrompt;
      return template.render(messages as ChatMessage[], { tools, addGenerationPrompt }).text;
    });
    if (flags.json) return await writeJson({ text: rendered });
    await write(rendered);
    if (isTerminal.stdout() && !rendered.endsWith("\n")) await write("\n");
  },
});

/** Reads a JSON file that has a list of objects. */
async function readList(path: string): Promise<readonly object[]> {
  const source = await about("read", path, () => Deno.readTextFile(path));
  return await about("read", path, () => {
    const value = parseJson(source);
    if (Array.isArray(value) && value.every((one) => typeof one === "object" && one !== null)) {
      return value;
    }
    throw new CriaError("it is not a list of objects");
  });
}

function parseJson(source: string): unknown {
  try {
    return JSON.parse(source);
  } catch (error) {
    throw new CriaError(`it is not JSON: ${error instanceof Error ? error.message : error}`);
  }
}
