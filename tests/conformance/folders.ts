/** The models of tests/conformance/folders/, which make_folders.py wrote. @module */

import { folderOf } from "../format/safetensors_bytes.ts";

/** Where they are. */
export const FOLDERS = `${import.meta.dirname}/folders`;

/** A `config.json`. */
export type HfConfig = { readonly vocab_size: number } & Readonly<Record<string, unknown>>;

/** What make_folders.py writes down of one model. */
export interface FolderModel {
  readonly name: string;
  /** Files that hold the same weights in several ways. */
  readonly weights: readonly string[];
  readonly configs: { readonly new: HfConfig; readonly old: HfConfig };
  readonly texts: readonly {
    readonly tokens: readonly number[];
    readonly context: number;
    readonly kept: number; // rows of the last logits that the file has
    readonly logits: string;
  }[];
}

/** All of them. */
export const folderModels: readonly FolderModel[] = JSON.parse(
  Deno.readTextFileSync(`${FOLDERS}/folders.json`),
).models;

/** The bytes of a file with weights. */
export function folderBytes(file: string): Uint8Array<ArrayBuffer> {
  return Deno.readFileSync(`${FOLDERS}/${file}`);
}

/** A folder with these weights, this config and some tokenizer. */
export async function openFolder(weights: string | Uint8Array, config: HfConfig) {
  const vocab = Object.fromEntries(
    Array.from({ length: config.vocab_size }, (_, id) => [String.fromCharCode(0x4e00 + id), id]),
  );
  return await folderOf({
    "config.json": config,
    "tokenizer.json": { model: { type: "BPE", vocab, merges: [] } },
    "model.safetensors": typeof weights === "string" ? folderBytes(weights) : weights,
  });
}
