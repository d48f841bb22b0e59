/** The error classes of cria: what could not be done, to what, and what was there instead. @module */

/** The root of every error that cria throws on purpose. Its message reads `Cannot X "y": state`. */
export class CriaError extends Error {
  /** The class name, for logs and for `switch`. */
  override name = "CriaError";
}

/** A model file that breaks its format: names the file, and the byte where that is known. */
export class FormatError extends CriaError {
  override name = "FormatError";
  /**
   * @param message the whole sentence, without path and offset
   * @param path the file
   * @param offset byte offset in the file, where one is known
   */
  constructor(message: string, readonly path: string, readonly offset?: number) {
    super(offset === undefined ? message : `${message} (at byte ${offset})`);
  }
}

/** A well-formed model that cria cannot run: an unknown architecture, a missing tensor. */
export class ModelError extends CriaError {
  override name = "ModelError";
}

/** A value given by the caller that cannot be used: an option, a token id, a text. */
export class ArgumentError extends CriaError {
  override name = "ArgumentError";
}

/** The native library could not be found, verified, opened, or disagrees with this code. */
export class LibraryError extends CriaError {
  override name = "LibraryError";
}

/** The native side refused a call; `code` is one of `CODES` in native/ffi.ts. */
export class KernelError extends CriaError {
  override name = "KernelError";
  /**
   * @param message the whole sentence
   * @param code the number that C returned
   */
  constructor(message: string, readonly code: number) {
    super(message);
  }
}

/** Something was used after it was disposed of. */
export class DisposedError extends CriaError {
  override name = "DisposedError";
}

/** A prompt that does not fit the context; both numbers are given. */
export class ContextError extends CriaError {
  override name = "ContextError";
  /**
   * @param needed positions that the prompt and what is there already need
   * @param available positions that the context has
   */
  constructor(readonly needed: number, readonly available: number) {
    super(`Cannot continue: ${needed} tokens do not fit a context of ${available}`);
  }
}
