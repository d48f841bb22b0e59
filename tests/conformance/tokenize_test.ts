/** Tokens of real vocabularies as by llama.cpp, and the text that they give back. @module */

import { assert, assertEquals } from "@std/assert";
import { openGguf } from "../../src/format/gguf.ts";
import { Tokenizer } from "../../src/tokenizer/tokenizer.ts";
import { isThere, sharedFolder, skip } from "../support.ts";
import { openPacked } from "../tokenizer/vocabularies.ts";

/** Token lists by what was asked for: BOS and EOS or not, special tokens parsed or not. */
interface Ids {
  readonly noadd_noparse: readonly number[];
  readonly add_noparse: readonly number[];
  readonly noadd_parse: readonly number[];
  readonly add_parse: readonly number[];
}

/** One text of the pack. */
interface TextCase {
  readonly text: string;
  readonly ids: Ids;
  readonly decoded: string;
  readonly disputed?: boolean;
  readonly second_oracle?: { readonly ids?: readonly number[] };
}

const folder = `${sharedFolder()}/conformance`;

/** Checks the four ways of encoding a text, and both ways of decoding its tokens. */
function checkText(tokenizer: Tokenizer, { text, ids, decoded, ...more }: TextCase): void {
  for (const bos of [false, true]) {
    for (const special of [false, true]) {
      const want = ids[`${bos ? "add" : "noadd"}_${special ? "parse" : "noparse"}`];
      const got = tokenizer.encode(text, { bos, special });
      const other = more.disputed ? more.second_oracle?.ids : undefined;
      if (other !== undefined && other.join() === got.join()) continue;
      assertEquals(got, [...want], JSON.stringify({ text, bos, special }));
    }
  }
  assertEquals(tokenizer.decode(ids.noadd_parse, { special: true }), decoded);
  const stream = tokenizer.stream({ special: true });
  const streamed = ids.noadd_parse.map((id) => stream.push(id)).join("") + stream.flush();
  assertEquals(streamed, decoded);
}

if (sharedFolder() === undefined) skip("texts tokenize as in llama.cpp", "there is no CRIA_SHARED");
else {
  const { cases } = JSON.parse(Deno.readTextFileSync(`${folder}/manifest.json`));
  for (const { id, kind, vocab, gz, expected } of cases) {
    if (kind !== "tokenize") continue;
    if (!gz && !isThere(`${sharedFolder()}/models/${vocab}`)) {
      skip(id, `there is no ${vocab} in CRIA_SHARED`);
      continue;
    }
    Deno.test(id, async () => {
      const models = `${sharedFolder()}/models`;
      using file = await (gz ? openPacked(`${folder}/${vocab}`) : openGguf(`${models}/${vocab}`));
      const tokenizer = Tokenizer.from(file);
      const { info, cases } = JSON.parse(await Deno.readTextFile(`${folder}/${expected}`));
      assertEquals(tokenizer.vocabularySize, info.n_vocab);
      assertEquals([tokenizer.addBos, tokenizer.addEos], [info.add_bos, info.add_eos]);
      assert(tokenizer.endTokens.has(info.eos));
      for (const one of cases as TextCase[]) checkText(tokenizer, one);
    });
  }
}
