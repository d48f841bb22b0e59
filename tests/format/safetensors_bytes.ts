/** Builds safetensors files and folders around them, sound ones and others. @module */

/** A tensor to write. */
export interface StTensor {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

const UTF8 = new TextEncoder();

/** A file with this header and these bytes behind it; `length` may lie. */
export function rawSafetensors(
  header: string,
  data = new Uint8Array(0),
  length = UTF8.encode(header).length,
): Uint8Array<ArrayBuffer> {
  const text = UTF8.encode(header);
  const file = new Uint8Array(8 + text.length + data.length);
  new DataView(file.buffer).setBigUint64(0, BigInt(length), true);
  file.set(text, 8);
  file.set(data, 8 + text.length);
  return file;
}

/** A sound file; with `skew` the tensors begin at an odd byte. */
export function safetensorsBytes(
  tensors: readonly StTensor[],
  { skew = false }: { skew?: boolean } = {},
): Uint8Array<ArrayBuffer> {
  const header: Record<string, unknown> = {};
  let end = 0;
  for (const { name, dtype, shape, data } of tensors) {
    header[name] = { dtype, shape, data_offsets: [end, end + data.length] };
    end += data.length;
  }
  const all = new Uint8Array(end);
  end = 0;
  for (const { data } of tensors) {
    all.set(data, end);
    end += data.length;
  }
  const text = JSON.stringify(header), bytes = UTF8.encode(text).length;
  const padding = (8 - bytes % 8) % 8 + (skew ? 1 : 0);
  return rawSafetensors(text + " ".repeat(padding), all);
}

/** The tensors of a sound file, read without our reader. */
export function tensorsOf(file: Uint8Array): StTensor[] {
  const length = Number(new DataView(file.buffer).getBigUint64(0, true));
  const header: Record<string, Omit<StTensor, "data"> & { data_offsets: [number, number] }> = JSON
    .parse(new TextDecoder().decode(file.subarray(8, 8 + length)));
  return Object.entries(header).filter(([name]) => name !== "__metadata__").map(
    ([name, { dtype, shape, data_offsets: [begin, end] }]) => {
      const data = file.slice(8 + length + begin, 8 + length + end);
      return { name, dtype, shape, data };
    },
  );
}

/** A temporary folder with these files; objects are written as JSON. */
export async function folderOf(files: Record<string, Uint8Array | string | object>) {
  const path = await Deno.makeTempDir({ prefix: "cria-" });
  for (const [name, content] of Object.entries(files)) {
    const bytes = content instanceof Uint8Array
      ? content
      : UTF8.encode(typeof content === "string" ? content : JSON.stringify(content));
    await Deno.mkdir(`${path}/${name}`.replace(/\/[^/]*$/, ""), { recursive: true });
    await Deno.writeFile(`${path}/${name}`, bytes);
  }
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}
