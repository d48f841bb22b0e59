/** `cria detokenize`: tokens to text. @module */

import { define, toggle } from "./command.ts";
import { about } from "./failure.ts";
import { openFile } from "./models.ts";
import { isTerminal, write, writeJson } from "./terminal.ts";
import { tokenList } from "./token_list.ts";

/** The command. */
export const command = define({
  arguments: [
    { name: "MODEL", help: "A GGUF file or a folder; a vocabulary alone will do" },
    { name: "IDS", help: "Token ids, with commas between them" },
  ],
  flags: { special: toggle("Write special tokens out as well") },
  examples: ["detokenize model.gguf 19556,28,905"],
  async run({ flags: { json, special }, given: [path = "", list = ""] }) {
    const ids = tokenList(list, "IDS");
    using file = await openFile(path);
    const { Tokenizer } = await import("../tokenizer/tokenizer.ts");
    await about("detokenize with", path, async () => {
      const tokenizer = Tokenizer.from(file);
      if (json) return await writeJson({ text: tokenizer.decode(ids, { special }) });
      await write(tokenizer.decodeBytes(ids, { special }));
      if (isTerminal.stdout()) await write("\n");
    });
  },
});
