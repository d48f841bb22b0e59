/** Workers that encode rows side by side, so that the event loop stays free. @module */
import { CriaError } from "../errors.ts";
import type { Job, Result } from "./job.ts";
import type { Answer, Order } from "./worker.ts";

/** A job that waits for its answer. */
interface Waiting {
  readonly resolve: (result: Result) => void;
  readonly reject: (error: Error) => void;
}

/** Some workers; each gets the next job when it has the fewest. */
export class Crew implements Disposable {
  readonly #workers: readonly { readonly worker: Worker; readonly waiting: Map<number, Waiting> }[];
  #jobs = 0;

  /** @param count how many workers */
  constructor(readonly count: number) {
    const url = new URL("./worker.ts", import.meta.url);
    this.#workers = Array.from({ length: count }, () => {
      const worker = new Worker(url, { type: "module" }), waiting = new Map<number, Waiting>();
      worker.onmessage = ({ data }: MessageEvent<Answer>) => {
        const { resolve, reject } = waiting.get(data.id)!;
        waiting.delete(data.id);
        if ("result" in data) resolve(data.result);
        else reject(new CriaError(data.error));
      };
      worker.onerror = (event) => {
        event.preventDefault();
        const error = new CriaError(`Cannot run a worker: ${event.message}`);
        for (const { reject } of waiting.values()) reject(error);
        waiting.clear();
      };
      return { worker, waiting };
    });
  }

  /** Does a job; its bytes go to the worker and are empty afterwards. */
  do(job: Job): Promise<Result> {
    const id = this.#jobs++;
    const { worker, waiting } = this.#workers.reduce((a, b) =>
      b.waiting.size < a.waiting.size ? b : a
    );
    const { promise, resolve, reject } = Promise.withResolvers<Result>();
    promise.catch(() => {}); // whoever waits hears of it; after an abort nobody does
    waiting.set(id, { resolve, reject });
    worker.postMessage({ id, job } satisfies Order, [job.bytes.buffer]);
    return promise;
  }

  /** Ends all workers; what they are at is lost. */
  [Symbol.dispose](): void {
    for (const { worker } of this.#workers) worker.terminate();
  }
}
