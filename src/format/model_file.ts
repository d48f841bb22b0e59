/** Puts an opened model together, whatever its format. @module */
import { quote } from "../bytes.ts";
import { ModelError } from "../errors.ts";
import type { ModelFile, ModelFileParts } from "./file.ts";
import type { ByteSource } from "./source.ts";
import { StoredTensor } from "./stored_tensor.ts";

/**
 * Puts an opened model together; nothing is held open behind it.
 * @param parts what its headers say
 * @param sources the files that hold the tensors; closed by whoever opened them
 */
export function modelFile(parts: ModelFileParts, sources: readonly ByteSource[]): ModelFile {
  const files = sources.map(({ path, bytes, inode, device }) => ({ path, bytes, inode, device }));
  const byPath = new Map(sources.map((source) => [source.path, source]));
  return {
    ...parts,
    files,
    fileBytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
    tensor(name: string): StoredTensor {
      const info = parts.tensors.get(name);
      if (info !== undefined) {
        return new StoredTensor(info, (end) => byPath.get(info.path)!.reopen(end));
      }
      const state = `${quote(parts.path, Infinity)} has ${parts.tensors.size} others`;
      throw new ModelError(`Cannot find tensor ${quote(name)}: ${state}`);
    },
    [Symbol.dispose]() {},
  };
}
