/** Regions: the memory that steps may touch, held by handle, freed by disposal. @module */

import { DisposedError } from "../errors.ts";
import type { Kernels, NativeBuffer } from "./ffi.ts";

/** Whatever has a region handle; operands point at one. */
export interface Memory {
  /** The handle, or -1 for the inputs of a run. */
  readonly handle: number;
}

/** The inputs of a run, as memory of operands. */
export const INPUTS: Memory = { handle: -1 };

const QUESTIONS = { total: 0, available: 1, peak: 2 } as const;

/**
 * Memory of the system, in bytes, to the MiB.
 * @param kernels the library
 * @param what all of it; what can be had without pushing others out; or the most that was ever
 * resident of this process
 */
export function systemMemory(kernels: Kernels, what: keyof typeof QUESTIONS): number {
  const code = kernels.call.cria_memory_mib(QUESTIONS[what]);
  return kernels.unwrap(code, "ask for memory") * 2 ** 20;
}

/** One piece of native memory: anonymous, or a mapped file. */
export class Region implements Memory, Disposable {
  readonly #kernels: Kernels;
  #handle: number;
  /** Its size. */
  readonly bytes: number;

  private constructor(kernels: Kernels, handle: number, bytes: number) {
    this.#kernels = kernels;
    this.#handle = handle;
    this.bytes = bytes;
  }

  /**
   * Reserves zeroed memory; the system commits pages as they are first touched.
   * @param kernels the library
   * @param bytes size, more than 0
   */
  static alloc(kernels: Kernels, bytes: number): Region {
    const code = kernels.call.cria_region_alloc(BigInt(bytes));
    return new Region(kernels, kernels.unwrap(code, `reserve ${bytes} bytes`), bytes);
  }

  /**
   * Maps a file read-only, if it is still the one that was looked at.
   * @param kernels the library
   * @param path the file
   * @param bytes its size
   * @param inode its inode, or null where there is none; one from 2^53 on is not compared, for
   * Deno rounds it
   */
  static map(kernels: Kernels, path: string, bytes: number, inode: number | null): Region {
    const name = new TextEncoder().encode(path + "\0");
    const known = inode !== null && Number.isSafeInteger(inode) ? inode : 0;
    const code = kernels.call.cria_region_map(name, BigInt(bytes), BigInt(known));
    return new Region(kernels, kernels.unwrap(code, `map "${path}"`), bytes);
  }

  /** The handle. */
  get handle(): number {
    if (this.#handle < 0) throw new DisposedError("Cannot use a region: it was disposed of");
    return this.#handle;
  }

  /**
   * Copies bytes into the region.
   * @param offset byte offset in the region
   * @param from what to copy
   */
  write(offset: number, from: NativeBuffer): void {
    const bytes = BigInt(from.byteLength);
    const code = this.#kernels.call.cria_region_write(this.handle, BigInt(offset), from, bytes);
    this.#kernels.unwrap(code, `write ${bytes} bytes at ${offset}`);
  }

  /**
   * Copies bytes out of the region.
   * @param offset byte offset in the region
   * @param to where they go; its size says how many
   */
  read<T extends NativeBuffer>(offset: number, to: T): T {
    const bytes = BigInt(to.byteLength);
    const code = this.#kernels.call.cria_region_read(this.handle, BigInt(offset), to, bytes);
    this.#kernels.unwrap(code, `read ${bytes} bytes at ${offset}`);
    return to;
  }

  /** Gives the memory back. Throws while a step that uses it is running. */
  [Symbol.dispose](): void {
    if (this.#handle < 0) return;
    this.#kernels.unwrap(this.#kernels.call.cria_region_free(this.#handle), "free a region");
    this.#handle = -1;
  }
}

const HINT_BYTES = 16 << 20; // of one call: so long at most does disposal wait

/** A part of some memory. */
export interface MemoryRange {
  /** The region that has it. */
  readonly memory: Memory;
  /** Where it begins in the region. */
  readonly offset: number;
  /** Its size. */
  readonly bytes: number;
}

/**
 * Asks the system to begin reading parts of mapped files; what it makes of it is its own affair.
 * @param kernels the library
 * @param ranges what will be needed, in this order
 * @param goOn asked before each call: false ends it
 */
export async function preload(
  kernels: Kernels,
  ranges: Iterable<MemoryRange>,
  goOn: () => boolean,
): Promise<void> {
  for (const { memory, offset, bytes } of ranges) {
    for (let at = 0; at < bytes && goOn(); at += HINT_BYTES) {
      const [from, size] = [BigInt(offset + at), BigInt(Math.min(HINT_BYTES, bytes - at))];
      const code = await kernels.call.cria_region_preload(memory.handle, from, size);
      kernels.unwrap(code, `preload ${size} bytes at ${from}`);
    }
  }
}
