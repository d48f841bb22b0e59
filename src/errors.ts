/** The error classes of cria: what could not be done, to what, and why. @module */

/** The root of every error that cria throws on purpose. Its message reads `Cannot X "y": state`. */
export class CriaError extends Error {
  /** The class name, for logs and for `switch`. */
  override name = "CriaError";
}

/** A model file that breaks its format: names the file, and the byte where that is known. */
export class FormatError extends CriaError {
  /** The class name. */
  override name = "FormatError";
  /**
   * Makes the error.
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
  /** The class name. */
  override name = "ModelError";
}

/** A value given by the caller that cannot be used: an option, a token id, a text. */
export class ArgumentError extends CriaError {
  /** The class name. */
  override name = "ArgumentError";
}

/** The native library could not be found, verified, opened, or disagrees with this code. */
export class LibraryError extends CriaError {
  /** The class name. */
  override name = "LibraryError";
}

/** The native side refused a call; `code` is minus a line of `kernels/errors.def`, from 1. */
export class KernelError extends CriaError {
  /** The class name. */
  override name = "KernelError";
  /**
   * Makes the error.
   * @param message the whole sentence
   * @param code the number that C returned
   */
  constructor(message: string, readonly code: number) {
    super(message);
  }
}

/** A chat template that cannot be read, or that refuses what it is given: where, if it is known. */
export class TemplateError extends CriaError {
  /** The class name. */
  override name = "TemplateError";
  /** Line in the template, from 1. */
  readonly line: number | undefined;
  /** Column in that line, from 1. */
  readonly column: number | undefined;
  /**
   * Makes the error.
   * @param message the whole sentence, without the place
   * @param place where in the template
   * @param options the cause
   */
  constructor(
    message: string,
    place?: { readonly line: number; readonly column: number },
    options?: ErrorOptions,
  ) {
    super(place ? `${message} (at line ${place.line}, column ${place.column})` : message, options);
    this.line = place?.line;
    this.column = place?.column;
  }
}

/** Something was used after it was disposed of. */
export class DisposedError extends CriaError {
  /** The class name. */
  override name = "DisposedError";
}

/** A prompt that does not fit the context; both numbers are given. */
export class ContextError extends CriaError {
  /** The class name. */
  override name = "ContextError";
  /**
   * Makes the error.
   * @param needed positions that the prompt and what is there already need
   * @param available positions that the context has
   * @param action what could not be done
   */
  constructor(readonly needed: number, readonly available: number, action = "continue") {
    super(`Cannot ${action}: ${needed} tokens do not fit a context of ${available}`);
  }
}

/** The cache of keys and values is full: everything in it belongs to somebody. */
export class CacheFullError extends CriaError {
  /** The class name. */
  override name = "CacheFullError";
  /**
   * Makes the error.
   * @param pages how many pages the cache has, all of them in use
   * @param bytes how much that is
   */
  constructor(readonly pages: number, readonly bytes: number) {
    super(`Cannot continue: all ${pages} pages of the cache (${bytes} bytes) are in use`);
  }
}

/** A model has as many requests waiting as it may have. */
export class QueueFullError extends CriaError {
  /** The class name. */
  override name = "QueueFullError";
  /**
   * Makes the error.
   * @param limit how many may wait
   */
  constructor(readonly limit: number) {
    super(`Cannot evaluate more at the moment: ${limit} requests are at work or waiting`);
  }
}
