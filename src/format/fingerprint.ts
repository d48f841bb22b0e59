/** What tells one model file from another, without reading all of it. @module */

import type { ModelFile } from "./file.ts";

const SAMPLE_BYTES = 256;

/**
 * A SHA-256 over names, types, shapes and places of all tensors, and the first and last bytes of
 * each. Files of the same weights agree; of two that differ in a few weights only, it may not tell.
 * @param file the opened file
 * @returns hexadecimal digits
 */
export async function fingerprint(file: ModelFile): Promise<string> {
  const parts: Uint8Array[] = [];
  const handles = new Map<string, Deno.FsFile>();
  try {
    for (const { name, type, shape, offset, bytes, path } of file.tensors.values()) {
      parts.push(new TextEncoder().encode(JSON.stringify([name, type, shape, offset])));
      const handle = handles.get(path) ?? await Deno.open(path);
      handles.set(path, handle);
      for (const at of [0, Math.max(0, bytes - SAMPLE_BYTES)]) {
        const sample = new Uint8Array(Math.min(SAMPLE_BYTES, bytes));
        await handle.seek(offset + at, Deno.SeekMode.Start);
        const count = await handle.read(sample);
        parts.push(sample.subarray(0, count ?? 0));
      }
    }
  } finally {
    for (const handle of handles.values()) handle.close();
  }
  const all = new Uint8Array(await new Blob(parts as Uint8Array<ArrayBuffer>[]).arrayBuffer());
  return new Uint8Array(await crypto.subtle.digest("SHA-256", all)).toHex();
}
