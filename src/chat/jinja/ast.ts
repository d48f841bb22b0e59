/** The tree of a template. @module */

import type { Value } from "./values.ts";

/** Something that has a value. */
export type Expression = { readonly at: number } & ExpressionKind;

type ExpressionKind =
  | { readonly kind: "constant"; readonly value: Value }
  | { readonly kind: "name"; readonly name: string }
  | { readonly kind: "list"; readonly items: readonly Expression[] }
  | { readonly kind: "tuple"; readonly items: readonly Expression[] }
  | { readonly kind: "dict"; readonly entries: readonly (readonly [Expression, Expression])[] }
  | { readonly kind: "unary"; readonly operator: string; readonly operand: Expression }
  | {
    readonly kind: "binary" | "logic";
    readonly operator: string;
    readonly left: Expression;
    readonly right: Expression;
  }
  | {
    readonly kind: "compare";
    readonly first: Expression;
    readonly rest: readonly (readonly [operator: string, Expression])[];
  }
  | {
    readonly kind: "choice";
    readonly test: Expression;
    readonly then: Expression;
    readonly otherwise: Expression | undefined;
  }
  | {
    readonly kind: "filter" | "test";
    readonly name: string;
    readonly operand: Expression;
    readonly args: readonly Argument[];
  }
  | { readonly kind: "call"; readonly callee: Expression; readonly args: readonly Argument[] }
  | { readonly kind: "member"; readonly object: Expression; readonly name: string }
  | { readonly kind: "item"; readonly object: Expression; readonly key: Expression }
  | {
    readonly kind: "slice";
    readonly object: Expression;
    readonly bounds: readonly (Expression | undefined)[]; // start, stop, step
  }
  | { readonly kind: "body"; readonly body: readonly Statement[] }; // what statements write

/** What stands between the parentheses of a call. */
export interface Argument {
  /** Of a keyword argument. */
  readonly name?: string | undefined;
  /** `*` and `**` before it. */
  readonly spread?: "*" | "**" | undefined;
  /** Its value. */
  readonly value: Expression;
}

/** A parameter of a macro. */
export interface Parameter {
  readonly name: string;
  readonly otherwise: Expression | undefined;
}

/** What a value is assigned to. */
export type Target =
  | { readonly kind: "name"; readonly name: string }
  | { readonly kind: "tuple"; readonly items: readonly Target[] }
  | { readonly kind: "field"; readonly name: string; readonly field: string };

/** Something that writes text or changes what names mean. */
export type Statement = { readonly at: number } & StatementKind;

type StatementKind =
  | { readonly kind: "data"; readonly text: string }
  | { readonly kind: "print"; readonly value: Expression }
  | {
    readonly kind: "for";
    readonly target: Target;
    readonly items: Expression;
    readonly test: Expression | undefined;
    readonly recursive: boolean;
    readonly body: readonly Statement[];
    readonly otherwise: readonly Statement[];
  }
  | {
    readonly kind: "if";
    readonly branches: readonly {
      readonly test: Expression;
      readonly body: readonly Statement[];
    }[];
    readonly otherwise: readonly Statement[];
  }
  | { readonly kind: "set"; readonly target: Target; readonly value: Expression }
  | {
    readonly kind: "with";
    readonly values: readonly (readonly [Target, Expression])[];
    readonly body: readonly Statement[];
  }
  | {
    readonly kind: "macro";
    readonly name: string;
    readonly parameters: readonly Parameter[];
    readonly body: readonly Statement[];
  }
  | {
    readonly kind: "call block";
    readonly parameters: readonly Parameter[];
    readonly call: Expression & { readonly kind: "call" };
    readonly body: readonly Statement[];
  }
  | { readonly kind: "break" | "continue" };
