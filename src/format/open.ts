/** Opens a model file by its content, whatever its name says. @module */
import { formatError } from "../bytes.ts";
import type { ModelFile } from "./file.ts";
import { readGguf } from "./gguf.ts";
import { openSource } from "./open_source.ts";
import { describe, GGUF_MAGIC, SIGNATURE_BYTES } from "./signature.ts";
import { openFolder, readSafetensors } from "./safetensors.ts";
import { type ByteSource, isFolder, startOf } from "./source.ts";
import { isUrl, type UrlOptions } from "./url_source.ts";

/** One format: how its files begin, and how they are read. */
interface Format {
  readonly name: string;
  readonly matches: (start: string) => boolean;
  readonly read: (source: ByteSource) => Promise<ModelFile>;
}

/** Every format that cria reads. */
const FORMATS: readonly Format[] = [
  { name: "GGUF", matches: (start) => start.startsWith(GGUF_MAGIC), read: readGguf },
  { name: "safetensors", matches: (start) => /^[^]{8}\{/.test(start), read: readSafetensors },
];

/**
 * Opens a model of any format that cria reads: a file, the URL of one, or a folder in Hugging Face
 * layout.
 *
 * @throws {FormatError} it is of another format (the message says which), or it breaks its own
 * @throws {ArgumentError} the file is not there or may not be read
 */
export async function openModelFile(path: string, options: UrlOptions = {}): Promise<ModelFile> {
  if (!isUrl(path) && await isFolder(path)) return await openFolder(path);
  using source = await openSource(path, options);
  const bytes = await startOf(source, SIGNATURE_BYTES);
  const start = String.fromCharCode(...bytes);
  const format = FORMATS.find(({ matches }) => matches(start));
  if (format !== undefined) return await format.read(source);
  const known = FORMATS.map(({ name }) => name).join(", ");
  throw formatError(path, `${describe(bytes)}; cria reads ${known}`, 0);
}
