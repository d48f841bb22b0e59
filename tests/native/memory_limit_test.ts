/** The memory that a process may take: less than the machine's, where a control group says so. */

import { assert, assertEquals } from "@std/assert";
import { limitedGroup } from "../../bench/budget.ts";
import { systemMemory } from "../../src/native/memory.ts";
import { kernels } from "../kernel_support.ts";

const MIB = 2 ** 20, LIMIT = 600 * MIB;

/** Whether groups can be made here: on Linux, by a superuser. */
function canLimit(): boolean {
  using group = limitedGroup(LIMIT);
  return group !== undefined;
}

const PROGRAM = `
import { Model } from "${import.meta.resolve("../../mod.ts")}";
import { systemMemory } from "${import.meta.resolve("../../src/native/memory.ts")}";
import { kernels } from "${import.meta.resolve("../kernel_support.ts")}";
const path = "${new URL("../../models/story.gguf", import.meta.url).pathname}";
using model = await Model.load(path, { threads: 1, context: 256 });
const { pageCount, pageBytes } = model.cacheStatistics();
const refusal = await Model.load(path, { context: 1 << 20 }).catch(({ message }) => message);
const [total, available] = ["total", "available"].map((what) => systemMemory(kernels, what));
console.log(JSON.stringify({ total, available, cache: pageCount * pageBytes, refusal }));`;

Deno.test("what is available is not more than all of it", () => {
  const [total, available] = [systemMemory(kernels, "total"), systemMemory(kernels, "available")];
  assert(available > 0 && available <= total);
});

Deno.test({
  name: "the limit of a control group counts as the machine's memory",
  ignore: !canLimit(),
  fn: async () => {
    using group = limitedGroup(LIMIT);
    const enter = `echo $$ > ${group!.procs} && exec "$@"`;
    const args = ["-c", enter, "sh", Deno.execPath(), "eval", PROGRAM];
    const { stdout, stderr } = await new Deno.Command("sh", { args }).output();
    const text = new TextDecoder();
    assert(stdout.length > 0, text.decode(stderr));
    const { total, available, cache, refusal } = JSON.parse(text.decode(stdout));
    assertEquals(total, LIMIT);
    assert(available > LIMIT / 4 && available < LIMIT - 20 * MIB, `${available}`);
    assert(cache <= LIMIT / 4, `${cache}`);
    assert(String(refusal).includes("the largest that fits is"), String(refusal));
  },
});
