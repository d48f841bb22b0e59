/** The long-lived programs that a comparison drives, a line of JSON each way. @module */

import { linesOf } from "./lines.ts";

/** What a worker says of itself when it is ready. */
export interface Hello {
  /** "cria", "llama.cpp". */
  readonly peer: string;
  /** Which build of it. */
  readonly version: string;
  /** What it uses of the machine. */
  readonly system: string;
  /** The ways in which it can be asked to work. */
  readonly variants: readonly string[];
  /** Threads in use. */
  readonly threads: number;
  /** How long loading took. */
  readonly loadMs: number;
  /** Bytes of weights that a token reads; of cria only. */
  readonly tokenBytes?: number;
  /** Bytes of keys and values per position; of cria only. */
  readonly positionBytes?: number;
}

/** One sample. */
export interface Request {
  /** `tokens` in one batch, or one after the other. */
  readonly test: "pp" | "tg";
  readonly tokens: number;
  /** Tokens in the cache before, whose time does not count. */
  readonly depth: number;
  /** Sequences: each reads `tokens` in turn ("pp"), or they decode together ("tg"). */
  readonly parallel: number;
  /** One of the worker's variants. */
  readonly variant: string;
}

/** What came of it. */
export interface Answer {
  readonly seconds: number;
  /** The last logits in one number. */
  readonly checksum: number;
  /** Resident memory after it. */
  readonly rssBytes: number;
}

/** A child process that answers lines; idle while nobody asks. */
export class Worker<H, Q, A> implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #lines: AsyncGenerator<string>;
  readonly #name: string;
  /** What it said when it was ready. */
  readonly hello: H;

  private constructor(
    name: string,
    child: Deno.ChildProcess,
    lines: AsyncGenerator<string>,
    hello: H,
  ) {
    this.#name = name;
    this.#child = child;
    this.#input = child.stdin.getWriter();
    this.#lines = lines;
    this.hello = hello;
  }

  /**
   * Starts a program and waits until it is ready.
   * @param command the program and its arguments
   * @param env variables beside ours
   */
  static async start<H, Q, A>(
    command: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<Worker<H, Q, A>> {
    const [program = "", ...args] = command;
    const options = { args, env, stdin: "piped", stdout: "piped" } as const;
    const child = new Deno.Command(program, options).spawn();
    const lines = linesOf(child.stdout);
    const hello = await nextLine(lines, command.join(" "));
    return new Worker<H, Q, A>(command.join(" "), child, lines, JSON.parse(hello) as H);
  }

  /** The process. */
  get pid(): number {
    return this.#child.pid;
  }

  /** Sends a request and waits for its answer. */
  async ask(request: Q): Promise<A> {
    await this.#input.write(new TextEncoder().encode(`${JSON.stringify(request)}\n`));
    return JSON.parse(await nextLine(this.#lines, this.#name)) as A;
  }

  /** Ends its input and waits until it is gone. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#input.close().catch(() => {});
    await this.#lines.return(undefined);
    await this.#child.status;
  }
}

async function nextLine(lines: AsyncGenerator<string>, name: string): Promise<string> {
  const { value, done } = await lines.next();
  if (done) throw new Error(`Cannot measure with "${name}": it ended; see above what it said`);
  return value;
}
