/** Ctrl-C: the first stops the work at hand, the second ends the program. @module */

import { EXIT, InterruptError } from "./failure.ts";
import { writeError } from "./terminal.ts";

/** While it lives, Ctrl-C aborts its signal instead of ending the program. */
export class Interrupt implements Disposable {
  readonly #controller = new AbortController();

  /** Starts to listen. */
  constructor() {
    Deno.addSignalListener("SIGINT", this.#stop);
  }

  /** Aborted by Ctrl-C. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  readonly #stop = () => {
    if (this.signal.aborted) {
      writeError("\n");
      Deno.exit(EXIT.interrupted);
    }
    this.#controller.abort(new InterruptError("Cannot finish: it was interrupted"));
  };

  /** Stops listening. */
  [Symbol.dispose](): void {
    Deno.removeSignalListener("SIGINT", this.#stop);
  }
}
