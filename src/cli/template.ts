/** `cria template`: what a chat looks like to a model. @module */

import { CriaError } from "../errors.ts";
import { chooseTemplate } from "../chat/fallbacks.ts";
import type { ChatMessage } from "../chat/template.ts";
import { define, text, toggle } from "./command.ts";
import { about } from "./failure.ts";
import { readList } from "./json_file.ts";
import { openFile } from "./models.ts";
import { readTemplate, readVariables, TEMPLATE, wantedTemplate } from "./template_flag.ts";
import { isTerminal, note, write, writeJson } from "./terminal.ts";

/** The command. */
export const command = define({
  arguments: [
    { name: "MODEL", help: "A GGUF file, a folder with safetensors, or a file with Jinja" },
    { name: "MESSAGES", help: 'A JSON file: [{"role": "user", "content": "Hi"}]; - is stdin' },
  ],
  flags: {
    tools: text("FILE", "A JSON file with a list of tools, as the OpenAI interface has them"),
    documents: text("FILE", "A JSON file with a list of documents, for templates that take them"),
    ...TEMPLATE,
    noGenerationPrompt: toggle("End after the last message, not where the answer begins"),
  },
  examples: ["template model.gguf messages.json", "template template.jinja messages.json"],
  async run({ flags, given: [path = "", messagesPath = ""] }) {
    const found = await open(path, flags.tools !== undefined, await wantedTemplate(flags.template));
    const messages = await readMessages(messagesPath);
    const tools = flags.tools === undefined ? undefined : await readList(flags.tools);
    const documents = flags.documents === undefined ? undefined : await readList(flags.documents);
    const variables = readVariables(flags.variables);
    if (found.fallback !== undefined && flags.template === undefined && !flags.quiet) {
      note(`${JSON.stringify(path)} has no chat template; this is ${found.fallback}.`);
    }
    const { ChatTemplate } = await import("../chat/template.ts");
    const { source, bosToken, eosToken } = found;
    const addGenerationPrompt = !flags.noGenerationPrompt;
    const template = new ChatTemplate(source, { name: path, bosToken, eosToken });
    const options = { tools, documents, variables, addGenerationPrompt };
    const rendered = template.render(messages, options).text;
    if (flags.json) return await writeJson({ text: rendered });
    await write(rendered);
    if (isTerminal.stdout() && !rendered.endsWith("\n")) await write("\n");
  },
});

/** A template and what it needs of a vocabulary. */
interface Found {
  readonly source: string;
  readonly fallback: string | undefined;
  readonly bosToken: string;
  readonly eosToken: string;
}

/** The template of a model, or a template that stands alone; `wanted` in its place. */
async function open(
  path: string,
  withTools: boolean,
  wanted: string | undefined,
): Promise<Found> {
  const alone = await readTemplate(path);
  if (alone !== undefined) {
    return { ...chooseTemplate(wanted ?? alone), bosToken: "<s>", eosToken: "</s>" };
  }
  using file = await openFile(path);
  const { Tokenizer } = await import("../tokenizer/tokenizer.ts");
  return await about("read the tokenizer of", path, () => {
    const tokenizer = Tokenizer.from(file);
    const key = "tokenizer.chat_template", plain = file.metadata.get(key);
    const source = withTools ? file.metadata.get(`${key}.tool_use`) ?? plain : plain;
    const spell = (id: number | undefined) => id === undefined ? "" : tokenizer.piece(id);
    return {
      ...chooseTemplate(wanted ?? (typeof source === "string" ? source : undefined), tokenizer),
      bosToken: spell(tokenizer.bosToken),
      eosToken: spell(tokenizer.eosToken),
    };
  });
}

/** Messages: objects with a role. */
async function readMessages(path: string): Promise<readonly ChatMessage[]> {
  const list = await readList(path);
  const without = list.findIndex((one) => !("role" in one && typeof one.role === "string"));
  if (without < 0) return list as readonly ChatMessage[];
  throw new CriaError(`Cannot read ${JSON.stringify(path)}: message ${without + 1} has no role`);
}
