/** One line on stderr that says what is going on, and for how long. @module */

const encoder = new TextEncoder();

/** A progress line: rewritten every second on a terminal, else written once and completed. */
export class Progress {
  readonly #started = performance.now();
  readonly #terminal = Deno.stderr.isTerminal();
  #timer: ReturnType<typeof setInterval> | undefined;

  /** @param title what is being done, without a full stop */
  constructor(readonly title: string) {
    this.#write(`${title} ...`);
    if (!this.#terminal) return;
    const timer = setInterval(() => this.#write(`\r${title} ... ${this.#seconds(0)} s`), 1000);
    Deno.unrefTimer(timer);
    this.#timer = timer;
  }

  /** Ends the line. @param state how it went, in a word or two */
  end(state: string): void {
    clearInterval(this.#timer);
    const start = this.#terminal ? `\r${this.title} ... ` : " ";
    this.#write(`${start}${state} in ${this.#seconds(1)} s\n`);
  }

  #seconds(digits: number): string {
    return ((performance.now() - this.#started) / 1000).toFixed(digits);
  }

  #write(text: string): void {
    Deno.stderr.writeSync(encoder.encode(text));
  }
}
