/** What the first bytes of a file say it is, to tell formats apart and to refuse kindly. @module */

/** The four bytes that every GGUF file begins with. */
export const GGUF_MAGIC = "GGUF";

/** How many bytes `describe` wants to see. */
export const SIGNATURE_BYTES = 64;

/** How files begin, as Latin-1, that people give to a model runner by mistake. */
const SIGNATURES: readonly (readonly [string | RegExp, string])[] = [
  [/^(tjgg|lmgg|fmgg|algg)/, "a model of the time before GGUF"],
  ["FUGG", "a GGUF magic with its bytes reversed"],
  ["version https://git-lfs", "a Git LFS pointer: the model itself was not fetched"],
  ["PK\x03\x04", "a ZIP archive, perhaps a PyTorch checkpoint"],
  ["\x80\x02", "a Python pickle, perhaps a PyTorch checkpoint"],
  [/^[^]{8}\{"/, "a safetensors file"],
  ["\x1f\x8b", "gzip data: decompress it first"],
  [/^\s*<(!doctype|html|\?xml)/i, "a web page"],
  [/^\s*[{[]/, "a JSON text"],
  ["#!", "a script"],
  ["\x7fELF", "a program"],
];

/** Says what a file that begins with `bytes` seems to be. */
export function describe(bytes: Uint8Array): string {
  if (bytes.length === 0) return "it is empty";
  const start = String.fromCharCode(...bytes.subarray(0, SIGNATURE_BYTES));
  const known = SIGNATURES.find(([sign]) =>
    typeof sign === "string" ? start.startsWith(sign) : sign.test(start)
  );
  const magic = /^[\x20-\x7e]{4}/.test(start)
    ? `"${start.slice(0, 4)}"`
    : `bytes ${Array.from(bytes.subarray(0, 4), (b) => b.toString(16).padStart(2, "0")).join(" ")}`;
  return `it begins with ${magic}${known === undefined ? "" : ` (${known[1]})`}`;
}
