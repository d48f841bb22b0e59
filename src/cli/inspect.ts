/** `cria inspect`: what is in a model file. @module */

import type { ModelFile } from "../format/file.ts";
import { choice, define, toggle, whole } from "./command.ts";
import { about } from "./failure.ts";
import { describe, metadataLines, tensorLines } from "./inspection.ts";
import { openFile } from "./models.ts";
import { terminalWidth, write, writeJson } from "./terminal.ts";

/** The command. */
export const command = define({
  arguments: [{ name: "MODEL", help: "A GGUF file" }],
  flags: {
    tensors: toggle("List every tensor"),
    metadata: toggle("List all metadata"),
    ctx: whole("N", "Positions that memory is estimated for", { least: 1, setting: true }),
    kv: choice(
      ["f32", "f16"],
      "Number type of the cache that is estimated (default: f16, under float weights f32)",
      { setting: true },
    ),
  },
  examples: ["inspect model.gguf", "inspect model.gguf --tensors"],
  async run({ flags, given: [path = ""] }) {
    using file = await openFile(path);
    if (flags.json) return await writeJson(jsonOf(file));
    const width = terminalWidth();
    const lines = await about("describe", path, async () => [
      ...await describe(file, flags, width),
      ...flags.tensors ? ["", ...tensorLines(file, width)] : [],
      ...flags.metadata ? ["", ...metadataLines(file, width)] : [],
    ]);
    await write(lines.map((line) => `${line}\n`).join(""));
  },
});

/** The result with the fields of the contract. */
function jsonOf(file: ModelFile): Record<string, unknown> {
  const tensors = [...file.tensors.values()];
  const types: Record<string, number> = {};
  for (const { type } of tensors) types[type] = (types[type] ?? 0) + 1;
  return {
    format: file.format,
    version: file.version,
    architecture: file.metadata.get("general.architecture") ?? null,
    name: file.metadata.get("general.name") ?? null,
    parameters: parameterCount(file),
    fileBytes: file.fileBytes,
    types,
    tensors: tensors.map(({ name, shape, type, offset, bytes }) => {
      return { name, shape, type, offset, bytes };
    }),
    metadata: file.metadata,
  };
}

/** Elements of all tensors. */
function parameterCount(file: ModelFile): number {
  let count = 0;
  for (const { shape } of file.tensors.values()) count += shape.reduce((a, b) => a * b, 1);
  return count;
}
