/** The boundary: the only file that names Deno.dlopen or a C symbol. @module */

import { KernelError, LibraryError } from "../errors.ts";
import { QUANTS } from "../quant.ts";
import { operationLines } from "./operations.ts";

const RUN = [
  "i32", // pool
  "buffer", // const void *step
  "u32", // opCount
  "buffer", // const void *inputs
  "u32", // inputWords
  "buffer", // const int32_t *control
  "buffer", // int32_t *fault
  "buffer", // void *nanoseconds
] as const;

/** The C interface, as kernels/cria.h declares it. */
export const symbols = {
  cria_describe: {
    parameters: [
      "i32", // list
      "i32", // index
      "buffer", // uint8_t *text
      "u32", // capacity
    ],
    result: "i32",
  },
  cria_region_alloc: { parameters: ["u64"], result: "i32" },
  cria_region_map: {
    parameters: [
      "buffer", // const uint8_t *path
      "u64", // bytes
      "u64", // inode
    ],
    result: "i32",
  },
  cria_region_free: { parameters: ["i32"], result: "i32" },
  cria_region_write: {
    parameters: [
      "i32", // region
      "u64", // offset
      "buffer", // const void *from
      "u64", // bytes
    ],
    result: "i32",
  },
  cria_region_read: {
    parameters: [
      "i32", // region
      "u64", // offset
      "buffer", // void *to
      "u64", // bytes
    ],
    result: "i32",
  },
  cria_memory_mib: { parameters: ["i32"], result: "i32" }, // what
  cria_region_preload: {
    parameters: [
      "i32", // region
      "u64", // offset
      "u64", // bytes
    ],
    result: "i32",
    nonblocking: true, // the system may take its time to begin
  },
  cria_pool_create: {
    parameters: [
      "u32", // threads
      "buffer", // const uint8_t *isa
    ],
    result: "i32",
  },
  cria_pool_free: { parameters: ["i32"], result: "i32" },
  cria_row_bytes: {
    parameters: [
      "u32", // type
      "u32", // k
    ],
    result: "i32",
  },
  cria_run: { parameters: RUN, result: "i32" },
  cria_run_aside: { name: "cria_run", parameters: RUN, result: "i32", nonblocking: true },
} as const satisfies Deno.ForeignLibraryInterface;

/** A buffer that C may read or write. */
export type NativeBuffer = Uint8Array<ArrayBuffer> | Float32Array<ArrayBuffer>;

const LISTS = { isas: 0, quants: 1, operations: 2, errors: 3 } as const;

/** An opened kernel library whose tables agree with ours. */
export class Kernels {
  readonly #library: Deno.DynamicLibrary<typeof symbols>;
  /** Where it was opened from. */
  readonly path: string;
  /** Instruction sets that this processor runs, best first. */
  readonly isas: readonly string[];
  readonly #errors: readonly string[];

  /**
   * Opens a library and compares its tables with those of this module.
   * @param path absolute path of the library
   * @throws {LibraryError} when it cannot be opened or belongs to another version
   */
  constructor(path: string) {
    this.path = path;
    try {
      this.#library = Deno.dlopen(path, symbols);
    } catch (cause) {
      if (cause instanceof Deno.errors.NotCapable) throw cause;
      const state = cause instanceof Error ? cause.message : String(cause);
      throw new LibraryError(`Cannot open the kernel library "${path}": ${state}`, { cause });
    }
    const quants = QUANTS.map((q) =>
      `${q.name} ${q.id} ${q.elements} ${q.bytes} ${q.activation.toUpperCase()}`
    );
    this.#compare("weight types", quants, this.#lines(LISTS.quants));
    this.#compare("operations", operationLines(), this.#lines(LISTS.operations));
    this.#errors = this.#lines(LISTS.errors);
    this.isas = this.#lines(LISTS.isas);
  }

  /** The C functions. */
  get call(): Deno.DynamicLibrary<typeof symbols>["symbols"] {
    return this.#library.symbols;
  }

  /**
   * Passes a count or handle through, and turns a negative code into an error.
   * @param code what C returned
   * @param action what was being done: "map \"x.gguf\""
   * @param detail more about the place, for an error
   */
  unwrap(code: number, action: string, detail = ""): number {
    if (code >= 0) return code;
    const text = this.#errors[-code - 1]?.replace(/^\w+: /, "") ?? `unknown code ${code}`;
    throw new KernelError(`Cannot ${action}: ${text}${detail}`, code);
  }

  /** The name of an error code: "BUSY". */
  errorName(code: number): string {
    return this.#errors[-code - 1]?.split(":")[0] ?? String(code);
  }

  #lines(list: number): string[] {
    const text = new Uint8Array(512), lines: string[] = [];
    for (let index = 0;; index++) {
      const length = this.#library.symbols.cria_describe(list, index, text, text.length);
      if (length <= 0) return lines;
      lines.push(new TextDecoder().decode(text.subarray(0, length)));
    }
  }

  #compare(what: string, ours: readonly string[], theirs: readonly string[]): void {
    const sorted = (lines: readonly string[]) => what === "operations" ? lines : lines.toSorted();
    const [a, b] = [sorted(ours), sorted(theirs)];
    const at = a.findIndex((line, i) => line !== b[i]);
    if (at < 0 && a.length === b.length) return;
    throw new LibraryError(
      `Cannot use the kernel library "${this.path}": its ${what} say ` +
        `"${b[Math.max(at, 0)] ?? "nothing"}" where this version has "${a[Math.max(at, 0)]}"`,
    );
  }
}
