/** Ctrl-C under `deno task`, which passes on what the terminal has sent already. @module */

import { assertEquals } from "@std/assert";

const PROGRAM = `
import { Interrupt, Uninterrupted } from "${import.meta.resolve("../../src/cli/interrupt.ts")}";

const press = async () => {
  Deno.kill(Deno.pid, "SIGINT");
  await new Promise((resolve) => setTimeout(resolve, 20));
};
using _ = new Uninterrupted();
{
  using interrupt = new Interrupt();
  await press();
  console.log(interrupt.signal.aborted);
  await press();
}
await press(); // it comes when the work is over already
console.log("alive");
`;

Deno.test({
  name: "a Ctrl-C that arrives twice is one press",
  ignore: Deno.build.os === "windows",
  async fn() {
    const program = new Deno.Command(Deno.execPath(), { args: ["eval", PROGRAM] });
    const { code, stdout } = await program.output();
    assertEquals([code, new TextDecoder().decode(stdout)], [0, "true\nalive\n"]);
  },
});
