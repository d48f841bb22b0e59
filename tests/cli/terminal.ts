/** A terminal of 60 columns with the program in it, made by `script` of util-linux. @module */

import { stripAnsiCode } from "@std/fmt/colors";
import { ROOT } from "../support.ts";

/** Whether there is a `script` that can make terminals. */
export async function hasTerminals(): Promise<boolean> {
  if (Deno.build.os !== "linux") return false;
  try {
    const output = await new Deno.Command("script", { args: ["--version"] }).output();
    return new TextDecoder().decode(output.stdout).includes("util-linux");
  } catch {
    return false;
  }
}

/** How long something may take to appear. */
const PATIENCE_MS = 30_000;

/** A running program on a terminal. */
export class Terminal implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reading: Promise<void>;
  #written = "";
  #seen = 0;
  #wake = Promise.withResolvers<void>();

  /**
   * @param args of `cria`
   * @param colours whether the terminal wants any
   */
  constructor(args: readonly string[], colours = false) {
    const { NO_COLOR: _, ...env } = Deno.env.toObject();
    const words = [Deno.execPath(), "run", "-A", `${ROOT}/src/cli/main.ts`, ...args];
    const line = words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
    this.#child = new Deno.Command("script", {
      args: ["-qec", `stty cols 60 rows 24; exec ${line}`, "/dev/null"],
      cwd: ROOT,
      clearEnv: true,
      env: { ...env, ...colours ? {} : { NO_COLOR: "1" }, TERM: "xterm" },
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    this.#writer = this.#child.stdin.getWriter();
    this.#reading = this.#read();
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of this.#child.stdout) {
      this.#written += decoder.decode(chunk, { stream: true });
      this.#wake.resolve();
      this.#wake = Promise.withResolvers();
    }
    this.#wake.resolve();
  }

  /** What has been shown, without colours and movements of the cursor. */
  get #text(): string {
    // A line of progress that was taken away is a line of its own.
    const lines = this.#written.replaceAll("\r\x1b[K", "\n");
    return stripAnsiCode(lines).replaceAll("\r", "");
  }

  /** Types something. */
  async type(text: string): Promise<void> {
    await this.#writer.write(new TextEncoder().encode(text));
  }

  /** Waits until something has appeared since the last wait; gives the match. */
  async see(pattern: RegExp): Promise<RegExpExecArray> {
    const endMs = performance.now() + PATIENCE_MS;
    for (;;) {
      const found = pattern.exec(this.#text.slice(this.#seen));
      if (found !== null) {
        this.#seen += found.index + found[0].length;
        return found;
      }
      if (performance.now() > endMs) {
        throw new Error(`${pattern} did not appear in ${JSON.stringify(this.#text)}`);
      }
      let timer: ReturnType<typeof setTimeout> | undefined;
      const later = new Promise<void>((resolve) => timer = setTimeout(resolve, 1000));
      await Promise.race([this.#wake.promise, later]);
      clearTimeout(timer);
    }
  }

  /** Waits for the end; gives the exit code and all that was shown. */
  async end(): Promise<{ code: number; text: string; raw: string }> {
    const { code } = await this.#child.status;
    await this.#reading;
    return { code, text: this.#text, raw: this.#written };
  }

  /** Ends the program if it still runs. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended.
    }
    await this.#child.status;
    await this.#reading;
    await this.#writer.abort().catch(() => {});
  }
}
