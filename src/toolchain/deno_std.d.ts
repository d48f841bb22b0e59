/** Types for what cria uses of `npm:deno-std`, which has none: nothing else of it may be used. */

declare module "npm:deno-std@1.4.0/assert/mod.js" {
  /** A class that an error may be of. */
  type ErrorClass<E> = abstract new (...args: never[]) => E;
  export class AssertionError extends Error {}
  export function assert(expr: unknown, msg?: string): asserts expr;
  export function assertAlmostEquals(
    actual: number,
    expected: number,
    tolerance?: number,
    msg?: string,
  ): void;
  export function assertEquals<T>(actual: T, expected: T, msg?: string): void;
  export function assertNotEquals<T>(actual: T, expected: T, msg?: string): void;
  export function assertStrictEquals<T>(actual: unknown, expected: T, msg?: string): void;
  export function assertExists<T>(actual: T, msg?: string): asserts actual is NonNullable<T>;
  export function assertFalse(expr: unknown, msg?: string): void;
  export function assertGreater<T>(actual: T, expected: T, msg?: string): void;
  export function assertGreaterOrEqual<T>(actual: T, expected: T, msg?: string): void;
  export function assertLess<T>(actual: T, expected: T, msg?: string): void;
  export function assertLessOrEqual<T>(actual: T, expected: T, msg?: string): void;
  export function assertInstanceOf<T>(
    actual: unknown,
    expected: ErrorClass<T>,
    msg?: string,
  ): asserts actual is T;
  export function assertMatch(actual: string, expected: RegExp, msg?: string): void;
  export function assertNotMatch(actual: string, expected: RegExp, msg?: string): void;
  export function assertObjectMatch(
    actual: object,
    expected: Record<PropertyKey, unknown>,
    msg?: string,
  ): void;
  export function assertStringIncludes(actual: string, expected: string, msg?: string): void;
  export function assertThrows(fn: () => unknown, msg?: string): unknown;
  export function assertThrows<E extends Error>(
    fn: () => unknown,
    errorClass: ErrorClass<E>,
    msgIncludes?: string,
    msg?: string,
  ): E;
  export function assertRejects(fn: () => PromiseLike<unknown>, msg?: string): Promise<unknown>;
  export function assertRejects<E extends Error>(
    fn: () => PromiseLike<unknown>,
    errorClass: ErrorClass<E>,
    msgIncludes?: string,
    msg?: string,
  ): Promise<E>;
  export function equal(a: unknown, b: unknown): boolean;
  export function fail(msg?: string): never;
  export function unreachable(msg?: string): never;
}

declare module "npm:deno-std@1.4.0/cli/parse_args.js" {
  /** What kind of value each flag has; flags that are named nowhere are handed to `unknown`. */
  export interface ParseOptions<
    B extends string = never,
    S extends string = never,
    C extends string = never,
    N extends string = never,
  > {
    readonly boolean?: readonly B[];
    readonly string?: readonly S[];
    readonly collect?: readonly C[];
    readonly negatable?: readonly N[];
    readonly alias?: Readonly<Record<string, string | readonly string[]>>;
    readonly default?: Readonly<Record<string, unknown>>;
    readonly stopEarly?: boolean;
    /** Returns `false` to leave the argument out of the result. */
    readonly unknown?: (arg: string, key?: string, value?: unknown) => unknown;
  }
  /** The flags by name; `_` has the rest, as strings only if `string` lists "_". */
  export type Args<B extends string, S extends string, C extends string> =
    & { [K in B]: boolean }
    & { [K in Exclude<S, C | "_">]?: string }
    & { [K in C]: string[] }
    & { _: "_" extends S ? string[] : (string | number)[] };
  export function parseArgs<
    const B extends string = never,
    const S extends string = never,
    const C extends string = never,
    const N extends string = never,
  >(args: readonly string[], options?: ParseOptions<B, S, C, N>): Args<B, S, C>;
}

declare module "npm:deno-std@1.4.0/cli/unicode_width.js" {
  /** Columns that a text takes on a terminal. */
  export function unicodeWidth(str: string): number;
}

declare module "npm:deno-std@1.4.0/fmt/bytes.js" {
  /** How a number of bytes is written. */
  export interface FormatOptions {
    readonly bits?: boolean;
    readonly binary?: boolean;
    readonly signed?: boolean;
    readonly locale?: boolean | string | string[];
    readonly minimumFractionDigits?: number;
    readonly maximumFractionDigits?: number;
  }
  export function format(num: number, options?: FormatOptions): string;
}

declare module "npm:deno-std@1.4.0/fmt/colors.js" {
  export function getColorEnabled(): boolean;
  export function setColorEnabled(value: boolean): void;
  export function stripAnsiCode(text: string): string;
  export function bold(text: string): string;
  export function dim(text: string): string;
  export function italic(text: string): string;
  export function underline(text: string): string;
  export function red(text: string): string;
  export function green(text: string): string;
  export function yellow(text: string): string;
  export function blue(text: string): string;
  export function magenta(text: string): string;
  export function cyan(text: string): string;
  export function gray(text: string): string;
}

declare module "npm:deno-std@1.4.0/path/mod.js" {
  export const DELIMITER: string;
  export const SEPARATOR: string;
  export function basename(path: string | URL, suffix?: string): string;
  export function dirname(path: string | URL): string;
  export function extname(path: string | URL): string;
  export function fromFileUrl(url: string | URL): string;
  export function isAbsolute(path: string): boolean;
  export function join(...paths: string[]): string;
  export function normalize(path: string): string;
  export function relative(from: string, to: string): string;
  export function resolve(...paths: string[]): string;
  export function toFileUrl(path: string): URL;
}

declare module "npm:deno-std@1.4.0/toml/mod.js" {
  export function parse(toml: string): Record<string, unknown>;
  export function stringify(value: Record<string, unknown>): string;
}

declare module "@std/assert" {
  export * from "npm:deno-std@1.4.0/assert/mod.js";
}

declare module "@std/cli" {
  export * from "npm:deno-std@1.4.0/cli/parse_args.js";
  export * from "npm:deno-std@1.4.0/cli/unicode_width.js";
}

declare module "@std/fmt/bytes" {
  export * from "npm:deno-std@1.4.0/fmt/bytes.js";
}

declare module "@std/fmt/colors" {
  export * from "npm:deno-std@1.4.0/fmt/colors.js";
}

declare module "@std/path" {
  export * from "npm:deno-std@1.4.0/path/mod.js";
}

declare module "@std/toml" {
  export * from "npm:deno-std@1.4.0/toml/mod.js";
}
