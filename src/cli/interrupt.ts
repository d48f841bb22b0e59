/** Ctrl-C: the first stops the work at hand, the second ends the program. @module */

import { EXIT, InterruptError } from "./failure.ts";
import { writeError } from "./terminal.ts";

/** `deno task` passes the signal on that the terminal gave to both: not a second press, ms. */
const SAME_PRESS_MS = 150;

/** While it lives, Ctrl-C aborts its signal instead of ending the program. */
export class Interrupt implements Disposable {
  readonly #controller = new AbortController();
  #pressed = 0;

  /** Starts to listen. */
  constructor() {
    Deno.addSignalListener("SIGINT", this.#stop);
  }

  /** Aborted by Ctrl-C. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  readonly #stop = () => {
    if (!this.signal.aborted) this.#pressed = performance.now();
    else if (performance.now() - this.#pressed < SAME_PRESS_MS) return;
    else {
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

/** While it lives, Ctrl-C between two pieces of work does not end the program. */
export class Uninterrupted implements Disposable {
  /** Starts to listen. */
  constructor() {
    Deno.addSignalListener("SIGINT", ignore);
  }

  /** Stops listening. */
  [Symbol.dispose](): void {
    Deno.removeSignalListener("SIGINT", ignore);
  }
}

function ignore(): void {}
