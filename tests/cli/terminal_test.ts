/** The program on a terminal: a conversation, pasted lines, Ctrl-C, 60 columns. @module */

import { assert, assertEquals } from "@std/assert";
import { ROOT, sharedTest, skip } from "../support.ts";
import { SMALL, SMOLLM2 } from "./program.ts";
import { hasTerminals, Terminal } from "./terminal.ts";

const CTRL_C = "\x03", CTRL_D = "\x04", ENTER = "\r";
const there = await hasTerminals();

/** A test that needs a terminal and a model. */
function terminalTest(name: string, needs: string, fn: (path: string) => Promise<void>): void {
  if (there) sharedTest(name, needs, fn);
  else skip(name, "there is no util-linux script");
}

terminalTest("cria chat converses, forgets, helps and leaves", SMOLLM2, async (path) => {
  const args = ["chat", path, "--temperature", "0", "-n", "6", "--threads", "2"];
  await using terminal = new Terminal(args);
  await terminal.see(/> /);
  await terminal.type("List three fruits." + ENTER);
  await terminal.see(/Here are three fruits.*\n.*> /s);
  await terminal.type("/nothing" + ENTER);
  await terminal.see(/Cannot do "\/nothing".*> /s);
  await terminal.type("/reset" + ENTER);
  await terminal.see(/begins anew.*> /s);
  await terminal.type("List three" + ENTER + "fruits." + ENTER); // pasted: one message
  const [answer] = await terminal.see(/fruits\.\n.*> /s);
  assertEquals(answer.match(/> /g)?.length, 1, answer);
  await terminal.type("/exit" + ENTER);
  assertEquals((await terminal.end()).code, 0);
});

terminalTest(
  "Ctrl-C stops an answer, then empties the line, then leaves",
  SMOLLM2,
  async (path) => {
    await using terminal = new Terminal(["chat", path, "--threads", "1", "--seed", "1"]);
    await terminal.see(/> /);
    await terminal.type("Tell me a very long story about a whale and the sea." + ENTER);
    await terminal.see(/sea\.\n.*?\w+ \w+/s); // the answer has begun
    await terminal.type(CTRL_C);
    await terminal.see(/> /);
    await terminal.type("abc");
    await terminal.see(/abc/);
    await terminal.type(CTRL_C);
    await terminal.see(/> /);
    await terminal.type(CTRL_C);
    assertEquals((await terminal.end()).code, 130);
  },
);

terminalTest("Ctrl-D leaves a conversation", SMOLLM2, async (path) => {
  await using terminal = new Terminal(["chat", path, "--threads", "1"]);
  await terminal.see(/> /);
  await terminal.type(CTRL_D);
  assertEquals((await terminal.end()).code, 0);
});

terminalTest("cria perplexity shows how far it is, and stops at Ctrl-C", SMOLLM2, async (path) => {
  const args = ["perplexity", path, "-f", `${ROOT}/kernels/cria.c`, "--threads", "1"];
  await using terminal = new Terminal(args);
  await terminal.see(/▕█.* *▏ perplexity \d+\.\d{3}, \d+:\d\d left/);
  await terminal.type(CTRL_C);
  assertEquals((await terminal.end()).code, 130);
});

const PHI = `${ROOT}/tests/conformance/models/phi3.gguf`;

terminalTest("everything fits 60 columns", SMALL, async (path) => {
  const commands = [
    ["--help"],
    ...["run", "chat", "inspect", "template", "embed", "eval", "perplexity", "bench"]
      .map((name) => [name, "--help"]),
    ["perplexity", PHI, "--kl-base", `${ROOT}/tests/evaluate/base.kld`],
    ["perplexity", path, "-f", `${ROOT}/LICENSE`, "--ctx", "32", "--chunks", "2"],
    ["inspect", path, "--tensors", "--metadata"],
    ["bench", path, "-p", "4", "-n", "4", "-r", "1", "-t", "1,2"],
    ["bench", path, "-p", "4", "-n", "4", "-r", "1", "--parallel", "1,2", "--profile"],
  ];
  for (const args of commands) {
    await using terminal = new Terminal(args);
    const { code, text } = await terminal.end();
    assertEquals(code, 0, text);
    for (const line of text.split("\n")) assert([...line].length <= 60, `${args[0]}: ${line}`);
  }
});
