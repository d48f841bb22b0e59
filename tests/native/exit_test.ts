/** Programs that end without disposing of anything. @module */

import { assertEquals } from "@std/assert";

const PROGRAM = `
import { Model } from "${import.meta.resolve("../../mod.ts")}";
const model = await Model.load("${
  new URL("../../models/story.gguf", import.meta.url).pathname
}", { threads: 4 });
console.log((await model.logits([1, 2, 3])).length > 0);
`;

Deno.test("a program may end while threads wait for work", async () => {
  const run = async () => {
    const { code, stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["eval", PROGRAM],
      stderr: "null",
    }).output();
    return [code, new TextDecoder().decode(stdout)];
  };
  for (let round = 0; round < 10; round++) { // one of 20 crashed while the library was unloaded
    assertEquals(await Promise.all([run(), run(), run()]), Array(3).fill([0, "true\n"]));
  }
});
