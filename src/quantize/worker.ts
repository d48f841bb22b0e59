/** The worker of crew.ts: encodes the rows that it is sent, one job after the other. @module */
import { doJob, type Job, type Result } from "./job.ts";

/** What a worker is sent, and what it sends back: the number says which job. */
export interface Order {
  readonly id: number;
  readonly job: Job;
}
/** The answer to an order. */
export type Answer =
  | { readonly id: number; readonly result: Result }
  | { readonly id: number; readonly error: string };

/** What a worker has of its global scope; TypeScript's own library says what a page has. */
const scope = globalThis as unknown as {
  onmessage: (event: MessageEvent<Order>) => void;
  postMessage: (answer: Answer, transfer: Transferable[]) => void;
};

scope.onmessage = ({ data: { id, job } }) => {
  try {
    const result = doJob(job);
    scope.postMessage({ id, result }, [result.bytes.buffer]);
  } catch (error) {
    scope.postMessage({ id, error: error instanceof Error ? error.message : String(error) }, []);
  }
};
