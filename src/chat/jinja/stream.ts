/** The tokens of a template, one after the other. @module */

import { LIMITS } from "./budget.ts";
import { fault, type Token, type TokenKind } from "./lexer.ts";

/** Where the parser is in the tokens, and how deep in the tree. */
export class TokenStream {
  readonly #tokens: readonly Token[];
  #index = 0;
  #depth = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  /** The next token. */
  get token(): Token {
    return this.#tokens[this.#index]!;
  }

  /** The one after it. */
  get following(): Token {
    return this.#tokens[this.#index + 1] ?? this.token;
  }

  /** Whether the next token is of this kind, with one of these values. */
  is(kind: TokenKind, ...values: string[]): boolean {
    const { token } = this;
    return token.kind === kind && (values.length === 0 || values.includes(token.value));
  }

  /** Goes on. */
  next(): Token {
    const { token } = this;
    if (token.kind !== "end") this.#index++;
    return token;
  }

  /** Goes on if the next token is this one. */
  skip(kind: TokenKind, ...values: string[]): boolean {
    const found = this.is(kind, ...values);
    if (found) this.next();
    return found;
  }

  /** Goes on; the next token must be this one. */
  expect(kind: TokenKind, ...values: string[]): Token {
    if (this.is(kind, ...values)) return this.next();
    throw this.unexpected(values[0] === undefined ? kind : `"${values[0]}"`);
  }

  /** What is wrong with the next token. */
  unexpected(expected?: string): Error {
    const { kind, value, at } = this.token;
    const shown = kind === "end" ? "the end" : JSON.stringify(value);
    const place = expected === undefined ? "here" : `where ${expected} should stand`;
    return fault(`${shown} makes no sense ${place}`, at);
  }

  /** Parses something that may contain itself. */
  nested<T>(parse: () => T): T {
    if (++this.#depth > LIMITS.depth) {
      throw fault(`it is nested more than ${LIMITS.depth} deep`, this.token.at);
    }
    try {
      return parse();
    } finally {
      this.#depth--;
    }
  }
}
