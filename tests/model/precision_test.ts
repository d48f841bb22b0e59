/** The documents say which precision is used where; recorded steps say so too. @module */

import { assert, assertEquals } from "@std/assert";
import { KvCache } from "../../src/cache/kv_cache.ts";
import { KV_TYPES, type KvType } from "../../src/cache/pages.ts";
import { ELEMENT, OP_WORDS, OPERATION_NAMES, OPERATIONS } from "../../src/native/operations.ts";
import { cacheShape } from "../../src/model/config.ts";
import { Runner } from "../../src/model/runner.ts";
import { quantById } from "../../src/quant.ts";
import { loadParts } from "../../src/session/load.ts";
import type { Step } from "../../src/step/step.ts";
import { folderModels, openFolder } from "../conformance/folders.ts";
import { ROOT, sharedTest } from "../support.ts";
import { writeRandomModel } from "./random_model.ts";

/** Types of each operand, `operation.operand`. */
type Precision = Map<string, Set<string>>;

/** What stands for every weight type. */
const MATRICES = ["embed.weight", "matmul.weight", "gated.gate", "gated.up"];

/** The table of the documents: operands in its second column, types in its third. */
function documented(): Precision {
  const text = Deno.readTextFileSync(`${ROOT}/.github/ARCHITECTURE.md`);
  const table = text.split("## Which precision is used where")[1]!.split("\n## ")[0]!;
  const quoted = (cell = "") => [...cell.matchAll(/`([^`]+)`/g)].map((found) => found[1]!);
  const rows = table.split("\n").map((line) => line.split("|")).filter((row) => row.length === 5);
  const found: Precision = new Map();
  for (const [, , operands, types] of rows) {
    for (const operand of quoted(operands)) {
      assert(!found.has(operand), `${operand} has two rows`);
      found.set(operand, new Set(quoted(types)));
    }
  }
  return found;
}

function typeName(operand: string, id: number): string {
  if (MATRICES.includes(operand) && quantById(id)) return "weights";
  return Object.entries(ELEMENT).find(([, number]) => number === id)?.[0] ?? `type ${id}`;
}

/** Adds the types of a step's operands. */
function collect({ words, count }: Step, found: Precision): void {
  for (let op = 0; op < count; op++) {
    const at = op * OP_WORDS.size, name = OPERATION_NAMES[words[at]!]!;
    OPERATIONS[name].operands.forEach((operand, slot) => {
      const type = words[at + OP_WORDS.operands + 4 * slot + 1]!;
      if (type === ELEMENT.NONE) return;
      const key = `${name}.${operand}`, types = found.get(key) ?? new Set();
      found.set(key, types.add(typeName(key, type)));
    });
  }
}

/** Records a prefill of a model and collects its types. */
async function collectModel(path: string, kv: KvType, found: Precision): Promise<void> {
  const parts = await loadParts(path, { threads: 1, kv });
  using stack = new DisposableStack();
  for (const part of [parts.file, parts.weights, parts.work, parts.pool]) stack.use(part);
  const shape = cacheShape(parts.config);
  const cache = stack.use(new KvCache(parts.kernels, shape, kv, [1, 1]));
  const sizes = { rows: 3, stateRows: 1, logitRows: 1, tableWords: 1 };
  collect(new Runner(parts).record(cache, sizes).step, found);
}

/** No file here has gates of two types in a layer, nor experts in all types. */
const UNSEEN = ["activate.gate", "activate.up", "activate.out", "scatter.out"];
const TYPES = ["F32", "Q8_0"];
const QUANTISED = "conformance/quant/quant-gqa/quant-gqa.Q4_K_M.gguf";
const BIASED = "conformance/models/qwen2-bias-tied/qwen2-bias-tied.gguf";

sharedTest("precision: what is recorded is what the documents say", QUANTISED, async (path) => {
  const found: Precision = new Map();
  for (const [index, kv] of KV_TYPES.entries()) {
    const random = writeRandomModel(TYPES[index % 2]);
    await collectModel(random, kv, found);
    Deno.removeSync(random);
  }
  await collectModel(path, "f16", found);
  await collectModel(path.replace(QUANTISED, BIASED), "f16", found);
  for (const name of ["qwen3moe", "gemma2"]) {
    await collectModel(`${ROOT}/tests/conformance/models/${name}.gguf`, "f16", found);
  }
  const mixture = folderModels.find(({ name }) => name === "mixtral")!; // experts lie apart
  await using folder = await openFolder(mixture.weights[0]!, mixture.configs.new);
  await collectModel(folder.path, "f16", found);
  const expected = documented(), sorted = (map: Precision) => [...map].sort();
  for (const operand of UNSEEN) {
    for (const type of found.get(operand) ?? []) assert(expected.get(operand)!.has(type), operand);
    found.set(operand, expected.get(operand)!);
  }
  const types = (map: Precision) => sorted(map).map(([key, set]) => `${key}: ${[...set].sort()}`);
  assertEquals(types(found), types(expected));
});
