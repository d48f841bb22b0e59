/** `cria tokenize`: text to tokens. @module */

import { define, toggle } from "./command.ts";
import { about, visible } from "./failure.ts";
import { readStdin } from "./text_input.ts";
import { openFile } from "./models.ts";
import { pad } from "./layout.ts";
import { write, writeJson } from "./terminal.ts";

/** The command. */
export const command = define({
  arguments: [
    { name: "MODEL", help: "A GGUF file or a folder; a vocabulary alone will do" },
    { name: "TEXT", help: "The text (default: what comes from stdin)", optional: true },
  ],
  flags: {
    noBos: toggle("Leave out the token that texts begin with"),
    special: toggle("Find special tokens in the text"),
  },
  notes: ["With --quiet only the ids are written, with commas, as detokenize takes them."],
  examples: ['tokenize model.gguf "Hello, world"', "tokenize model.gguf --json < story.txt"],
  async run({ flags, given: [path = "", given] }) {
    using file = await openFile(path);
    const text = given ?? await readStdin(flags.quiet);
    const { Tokenizer } = await import("../tokenizer/tokenizer.ts");
    await about("tokenize with", path, async () => {
      const tokenizer = Tokenizer.from(file);
      const tokens = tokenizer.encode(text, { bos: !flags.noBos, special: flags.special });
      const pieces = tokens.map((id) => tokenizer.piece(id));
      if (flags.json) return await writeJson({ tokens, pieces });
      if (flags.quiet) return await write(`${tokens.join(",")}\n`);
      const width = String(tokenizer.vocabularySize).length;
      const lines = tokens.map((id, index) => {
        const shown = tokenizer.decode([id], { special: true });
        const whole = shown !== "" && !shown.includes("\ufffd");
        return `${pad(String(id), width, "left")}  ${
          JSON.stringify(whole ? shown : pieces[index])
        }`;
      });
      await write(lines.map((line) => `${visible(line)}\n`).join(""));
    });
  },
});
