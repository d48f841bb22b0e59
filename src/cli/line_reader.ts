/** Reads lines from a terminal, with editing and history; a paste is one message. @module */

import * as readline from "node:readline";
import process from "node:process";

/** Lines that come closer together than this were pasted. */
const PASTE_MS = 40;

/** What the user did. */
export type Input =
  | { readonly kind: "line"; readonly text: string }
  | { readonly kind: "end" }
  | { readonly kind: "interrupt" };

/**
 * Asks for one message at a time. Between two of them the terminal is left alone, so that Ctrl-C is
 * a signal again.
 */
export class LineReader {
  readonly #prompt: string;
  #history: string[] = [];

  /** @param prompt what stands before the line */
  constructor(prompt: string) {
    this.#prompt = prompt;
  }

  /** The next message: a line, or several that were pasted. */
  next(): Promise<Input> {
    const { promise, resolve } = Promise.withResolvers<Input>();
    const terminal = readline.createInterface({
      input: process.stdin,
      output: process.stderr,
      prompt: this.#prompt,
      history: [...this.#history],
      terminal: true,
    });
    const lines: string[] = [];
    let timer: ReturnType<typeof setTimeout> | undefined;
    const done = (input: Input) => {
      clearTimeout(timer);
      resolve(input);
      terminal.close();
    };
    const settle = () => {
      if (terminal.line !== "") return; // the paste ends in the middle of a line: Enter sends it
      const text = lines.join("\n");
      if (text.trim() !== "") this.#history = [lines.at(-1)!, ...this.#history].slice(0, 100);
      done({ kind: "line", text });
    };
    terminal.on("line", (line: string) => {
      lines.push(line);
      clearTimeout(timer);
      timer = setTimeout(settle, PASTE_MS);
    });
    terminal.on("SIGINT", () => {
      if (terminal.line === "" && lines.length === 0) return done({ kind: "interrupt" });
      lines.length = 0;
      terminal.write(null, { ctrl: true, name: "u" });
    });
    terminal.on("close", () => done({ kind: "end" }));
    terminal.prompt();
    return promise;
  }
}
