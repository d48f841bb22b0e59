/** `cria inspect`: what is in a model file. @module */

import { KV_TYPES } from "../cache/pages.ts";
import type { ModelFile } from "../format/file.ts";
import type { ModelConfig } from "../model/config.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import { choice, define, toggle, whole } from "./command.ts";
import { about } from "./failure.ts";
import { type Inspected, inspectFile } from "./inspected.ts";
import { describe, metadataLines, tensorLines } from "./inspection.ts";
import { openFile } from "./models.ts";
import { terminalWidth, write, writeJson } from "./terminal.ts";

/** The command. */
export const command = define({
  arguments: [{
    name: "MODEL",
    help: "A GGUF file, the URL of one (only its header is fetched), or a folder with safetensors",
  }],
  flags: {
    tensors: toggle("List every tensor"),
    metadata: toggle("List all metadata"),
    ctx: whole("N", "Positions that memory is estimated for", { least: 1, setting: true }),
    kv: choice(
      KV_TYPES,
      "Number type of the cache that is estimated (default: f16, under float weights f32)",
      { setting: true },
    ),
  },
  examples: ["inspect model.gguf --ctx 8192", "inspect https://HOST/model.gguf --tensors"],
  async run({ flags, given: [path = ""] }) {
    using file = await openFile(path, flags.quiet || flags.json);
    const found = await about("describe", path, () => inspectFile(file, flags));
    if (flags.json) return await writeJson(jsonOf(file, found));
    const width = terminalWidth();
    const lines = [
      ...describe(file, found, width),
      ...flags.tensors ? ["", ...tensorLines(file, width)] : [],
      ...flags.metadata ? ["", ...metadataLines(file, width)] : [],
    ];
    await write(lines.map((line) => `${line}\n`).join(""));
  },
});

/** Everything, under the names of the contract and more. */
function jsonOf(file: ModelFile, found: Inspected): Record<string, unknown> {
  return {
    format: file.format,
    version: file.version,
    architecture: file.metadata.get("general.architecture") ?? null,
    name: file.metadata.get("general.name") ?? null,
    parameters: found.parameters,
    fileBytes: file.fileBytes,
    types: Object.fromEntries(found.types.map(({ type, count }) => [type, count])),
    typeBytes: Object.fromEntries(found.types.map(({ type, bytes }) => [type, bytes])),
    model: found.config === undefined ? null : modelOf(found.config),
    memory: found.memory ?? null,
    tokenizer: found.tokenizer === undefined ? null : tokenizerOf(file, found.tokenizer),
    chatTemplate: found.template ?? null,
    warnings: found.warnings,
    tensors: [...file.tensors.values()].map(({ name, shape, type, offset, bytes }) => {
      return { name, shape, type, offset, bytes };
    }),
    metadata: file.metadata,
  };
}

/** The config without what only inspection made up: factors are not read from the file. */
function modelOf(config: ModelConfig): Record<string, unknown> {
  const { factors: _, ...rope } = config.rope;
  return { ...config, rope };
}

function tokenizerOf(file: ModelFile, tokenizer: Tokenizer): Record<string, unknown> {
  return {
    kind: file.metadata.get("tokenizer.ggml.model") ?? null,
    pre: file.metadata.get("tokenizer.ggml.pre") ?? null,
    vocabularySize: tokenizer.vocabularySize,
    bosToken: tokenizer.bosToken ?? null,
    eosToken: tokenizer.eosToken ?? null,
    endTokens: [...tokenizer.endTokens],
  };
}
