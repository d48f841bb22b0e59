/** Opening by content: the name of a file says nothing, and what it is instead is told. @module */

import { assertEquals, assertRejects } from "@std/assert";
import { FormatError } from "../../src/errors.ts";
import { openModelFile } from "../../src/format/open.ts";
import { floats, ggufBytes } from "./gguf_bytes.ts";

async function openAs(name: string, bytes: Uint8Array) {
  const folder = await Deno.makeTempDir({ prefix: "cria-" });
  try {
    await Deno.writeFile(`${folder}/${name}`, bytes);
    return await openModelFile(`${folder}/${name}`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("a GGUF file opens whatever its name", async () => {
  using file = await openAs("model.safetensors", ggufBytes({ tensors: [floats("a", 8)] }));
  assertEquals([file.format, file.version, file.tensors.size], ["gguf", 3, 1]);
});

const text = (content: string) => new TextEncoder().encode(content);

for (
  const [what, bytes, says] of [
    ["an empty file", new Uint8Array(0), "it is empty"],
    ["a Git LFS pointer", text("version https://git-lfs.github.com/spec/v1\noid x"), "Git LFS"],
    ["a cut safetensors file", text('@\0\0\0\0\0\0\0{"a":{}}'), "its header takes 64 bytes"],
    ["a checkpoint", text("PK\x03\x04"), "a ZIP archive"],
    ["a page", text("\n<html>"), "a web page"],
    ["a story", text("Once upon a time"), 'it begins with "Once"; cria reads GGUF'],
    ["noise", Uint8Array.of(1, 2, 3, 0xfe), "it begins with bytes 01 02 03 fe"],
  ] as const
) {
  Deno.test(`${what} is told apart`, async () => {
    await assertRejects(() => openAs("model.gguf", bytes), FormatError, says);
  });
}
