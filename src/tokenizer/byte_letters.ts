/** Bytes dressed as letters, which byte-level BPE merges. @module */

/** Stands for each byte: itself where it prints, else a letter from U+0100 on. (GPT-2) */
export const LETTERS: readonly string[] = letters(); // [256]
const BYTES = new Map(LETTERS.map((letter, byte) => [letter, byte]));
const UTF8 = new TextEncoder();

function letters(): string[] {
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) => {
    const prints = (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad);
    return String.fromCharCode(prints ? byte : next++);
  });
}

/** A text with each byte of its UTF-8 as a letter. */
export function dressed(text: string): string {
  let out = "";
  for (const byte of UTF8.encode(text)) out += LETTERS[byte]!;
  return out;
}

/** The bytes that a piece of letters stands for. */
export function undressed(piece: string): Uint8Array {
  const bytes = new Uint8Array(piece.length);
  for (let i = 0; i < piece.length; i++) {
    const byte = BYTES.get(piece[i]!);
    if (byte === undefined) return undressedPartly(piece);
    bytes[i] = byte;
  }
  return bytes;
}

/** The bytes of a piece that holds letters which stand for no byte: those count as themselves. */
function undressedPartly(piece: string): Uint8Array {
  const bytes = Array.from(piece, (char) => BYTES.get(char) ?? [...UTF8.encode(char)]);
  return Uint8Array.from(bytes.flat());
}

/** Writes down the UTF-8 of a well-formed text: 3 bytes a unit at most. Returns how many. */
export function utf8Bytes(text: string, out: Int32Array): number {
  let count = 0;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit < 0x80) {
      out[count++] = unit;
    } else if (unit < 0x800) {
      out[count++] = 0xc0 | (unit >> 6);
      out[count++] = 0x80 | (unit & 0x3f);
    } else {
      const isPair = (unit & 0xfc00) === 0xd800;
      const point = isPair ? text.codePointAt(at++)! : unit;
      out[count++] = isPair ? 0xf0 | (point >> 18) : 0xe0 | (point >> 12);
      if (isPair) out[count++] = 0x80 | ((point >> 12) & 0x3f);
      out[count++] = 0x80 | ((point >> 6) & 0x3f);
      out[count++] = 0x80 | (point & 0x3f);
    }
  }
  return count;
}
