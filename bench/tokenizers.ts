/**
 * Compares tokenizers on one thread: cria, llama.cpp and the package tokenizers, in turn.
 *
 *     CRIA_SHARED=… deno run -A bench/tokenizers.ts -r 5
 *
 * Vocabularies are those of the shared folder; texts are a megabyte each: a licence over and over,
 * words made up, cria's own sources, Chinese characters made up. Before each sample cria has
 * forgotten the words that it knew, as if it were the first text; "again" is the same text a second
 * time. The package tokenizers remembers words too, and is not made to forget. `--no-peer` leaves
 * the others out; `--python` names the Python that has llama-cpp-python, gguf and tokenizers.
 * @module
 */

import { parseArgs } from "npm:deno-std@1.4.0/cli/parse_args.js";
import type { ModelFile } from "../src/format/file.ts";
import { openGguf } from "../src/format/gguf.ts";
import { Tokenizer } from "../src/tokenizer/tokenizer.ts";
import { isThere, ROOT, sharedFolder } from "../tests/support.ts";
import { openPacked } from "../tests/tokenizer/vocabularies.ts";
import { markdown, median, processorName, sum, threeDigits, TINY } from "./figures.ts";
import { Worker } from "./peers/worker.ts";
import { madeUpChinese, madeUpText } from "./texts.ts";

const LENGTH = TINY ? 2000 : 1_000_000;

/** A vocabulary: its file, and another pre-tokenizer where that is what is to be measured. */
interface Contest {
  readonly name: string;
  readonly path: string;
  readonly pre?: string;
}

/** What a peer is asked: to tokenize what a file has. */
interface Request extends Contest {
  readonly peer: string;
  readonly text: string;
}

/** What came of it. */
interface Answer {
  readonly seconds: number;
  readonly count: number;
  readonly checksum: number;
}

const shared = `${sharedFolder()}`, packed = `${shared}/conformance/tokenizers`;
const CONTESTS: readonly Contest[] = [
  { name: "SPM, 32,000", path: `${packed}/llama-spm.vocab.gguf.gz` },
  { name: "GPT-2", path: `${packed}/gpt-2.vocab.gguf.gz` },
  { name: "GPT-2 as llama-bpe", path: `${packed}/gpt-2.vocab.gguf.gz`, pre: "llama-bpe" },
  { name: "SmolLM2", path: `${shared}/models/SmolLM2-135M-Instruct.Q4_1.gguf` },
  { name: "embedded", path: `${ROOT}/models/story.gguf` },
];

/** Every text by its name. */
function textsOf(): Record<string, string> {
  const licence = `${shared}/conformance/perplexity/gpl3.txt`;
  const english = isThere(licence) ? Deno.readTextFileSync(licence) : madeUpText(LENGTH);
  return {
    "licence": english.repeat(Math.ceil(LENGTH / english.length)).slice(0, LENGTH),
    "words": madeUpText(LENGTH),
    "code": sourcesIn(`${ROOT}/src`).join("").slice(0, LENGTH),
    "Chinese": madeUpChinese(LENGTH / 3),
  };
}

function sourcesIn(folder: string): string[] {
  const entries = [...Deno.readDirSync(folder)].sort((a, b) => a.name < b.name ? -1 : 1);
  return entries.flatMap(({ name, isDirectory }) =>
    isDirectory ? sourcesIn(`${folder}/${name}`) : [Deno.readTextFileSync(`${folder}/${name}`)]
  );
}

function open({ path }: Contest): Promise<ModelFile> {
  return path.endsWith(".gz") ? openPacked(path) : openGguf(path);
}

/** Tokens weighted by where they stand, so that another order has another sum. */
function checksumOf(tokens: readonly number[]): number {
  return sum(tokens.map((id, i) => id * (i % 1000 + 1)));
}

/** Measures cria, the first time it sees a text and the second. */
async function measureOurs(metadata: ReadonlyMap<string, unknown>, text: string) {
  const tokenizer = Tokenizer.from({ metadata });
  await tokenizer.prepare();
  tokenizer.encode(" ");
  const start = performance.now();
  const tokens = tokenizer.encode(text, { bos: false });
  const middle = performance.now();
  tokenizer.encode(text, { bos: false });
  const end = performance.now();
  return {
    first: { seconds: (middle - start) / 1000, count: tokens.length, checksum: checksumOf(tokens) },
    again: { seconds: (end - middle) / 1000 },
  };
}

/** All samples of one vocabulary and text, as a row of the table. */
async function contest(
  one: Contest,
  [name, text]: readonly [string, string],
  repeats: number,
  worker: Worker<unknown, Request, Answer> | undefined,
): Promise<string[]> {
  using file = await open(one);
  const metadata = new Map(file.metadata);
  if (one.pre !== undefined) metadata.set("tokenizer.ggml.pre", one.pre);
  const path = await Deno.makeTempFile(), bytes = new TextEncoder().encode(text).length;
  await Deno.writeTextFile(path, text);
  const rates: Record<string, number[]> = { first: [], again: [], "llama.cpp": [], tokenizers: [] };
  let isSame = true;
  try {
    for (let i = 0; i < repeats; i++) {
      const { first, again } = await measureOurs(metadata, text);
      rates["first"]!.push(bytes / first.seconds / 1e6);
      rates["again"]!.push(bytes / again.seconds / 1e6);
      for (const peer of worker === undefined ? [] : ["llama.cpp", "tokenizers"]) {
        const { seconds, checksum } = await worker!.ask({ ...one, peer, text: path });
        rates[peer]!.push(bytes / seconds / 1e6);
        isSame &&= checksum === first.checksum;
      }
    }
  } finally {
    await Deno.remove(path);
  }
  const [first = 0, again = 0, llama = NaN, others = NaN] = Object.values(rates)
    .map((list) => list.length === 0 ? NaN : median(list));
  const figures = [first, again, llama, others, first / llama, first / others].map(threeDigits);
  return [one.name, name, ...figures, worker === undefined ? "–" : isSame ? "yes" : "no"];
}

if (import.meta.main) {
  const { r, python, peer } = parseArgs(Deno.args, {
    string: ["python", "r"],
    boolean: ["peer"],
    negatable: ["peer"],
    default: { peer: true, python: "python3", r: "5" },
  });
  const rows = [[
    ...["vocabulary", "text", "cria", "again", "llama.cpp", "tokenizers"],
    ...["cria / llama.cpp", "cria / tokenizers", "same tokens"],
  ]];
  const command = [String(python), `${ROOT}/bench/peers/tokenizers_peer.py`];
  const env = { TOKENIZERS_PARALLELISM: "false" };
  const worker = peer ? await Worker.start<unknown, Request, Answer>(command, env) : undefined;
  try {
    for (const one of CONTESTS.filter(({ path }) => isThere(path))) {
      for (const text of Object.entries(textsOf())) {
        rows.push(await contest(one, text, Number(r), worker));
      }
    }
  } finally {
    await worker?.[Symbol.asyncDispose]();
  }
  console.log(`MB/s of text, one thread, medians of ${r}; ${await processorName()}\n`);
  console.log(markdown(rows));
}
