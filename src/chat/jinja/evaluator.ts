/** Works out expressions. @module */

import type { Argument, Expression, Statement } from "./ast.ts";
import { spend, TemplateFault } from "./budget.ts";
import { item, member } from "./fields.ts";
import { applyFilter } from "./filters.ts";
import { binary, COMPARISONS, signed } from "./operators.ts";
import type { Scope } from "./scope.ts";
import { slice } from "./slices.ts";
import { ask } from "./tests.ts";
import { Text } from "./text.ts";
import {
  type Arguments,
  Dict,
  Fields,
  found,
  Func,
  iterate,
  missing,
  truth,
  Tuple,
  typeName,
  Undefined,
  type Value,
} from "./values.ts";
import { print } from "./writing.ts";

/** Writes the text of statements that stand where a value is needed. */
export type WriteBody = (body: readonly Statement[], scope: Scope) => Text;

/** An expression of one kind. */
type Of<K extends Expression["kind"]> = Extract<Expression, { readonly kind: K }>;

/** Works out expressions in a scope; a fault that it meets learns where it is. */
export class Evaluator {
  readonly #writeBody: WriteBody;

  constructor(writeBody: WriteBody) {
    this.#writeBody = writeBody;
  }

  /** The value of an expression. */
  evaluate(node: Expression, scope: Scope): Value {
    spend(1);
    try {
      return this.#value(node, scope);
    } catch (error) {
      if (error instanceof TemplateFault) error.at ??= node.at;
      throw error;
    }
  }

  #value(node: Expression, scope: Scope): Value {
    const value = (inner: Expression) => this.evaluate(inner, scope);
    switch (node.kind) {
      case "constant":
        return node.value;
      case "name":
        return found(scope.get(node.name), `"${node.name}"`);
      case "list":
        return node.items.map(value);
      case "tuple":
        return new Tuple(node.items.map(value));
      case "dict":
        return new Dict(node.entries.map(([key, item]) => [value(key), value(item)]));
      case "unary":
        return node.operator === "not"
          ? !truth(value(node.operand))
          : signed(node.operator, value(node.operand));
      case "binary":
        return binary(node.operator, value(node.left), value(node.right));
      case "logic": {
        const left = value(node.left);
        return truth(left) === (node.operator === "and") ? value(node.right) : left;
      }
      case "compare":
        return this.#compare(node, scope);
      case "choice":
        if (truth(value(node.test))) return value(node.then);
        return node.otherwise ? value(node.otherwise) : new Undefined("what has no else");
      case "filter":
        return applyFilter(node.name, value(node.operand), this.arguments(node.args, scope));
      case "test":
        return ask(node.name, value(node.operand), this.arguments(node.args, scope).positional);
      case "call":
        return this.call(value(node.callee), this.arguments(node.args, scope));
      case "member":
        return member(value(node.object), node.name);
      case "item":
        return item(value(node.object), value(node.key));
      case "slice":
        return this.#slice(node, scope);
      case "body":
        return this.#writeBody(node.body, scope);
    }
  }

  /** `a < b < c`: true if each is, and no further than the first that is not. */
  #compare({ first, rest }: Of<"compare">, scope: Scope): boolean {
    let left = this.evaluate(first, scope);
    return rest.every(([operator, node]) => {
      const right = this.evaluate(node, scope);
      const holds = COMPARISONS[operator]!(left, right);
      left = right;
      return holds;
    });
  }

  #slice({ object, bounds }: Of<"slice">, scope: Scope): Value {
    const whole = this.evaluate(object, scope);
    if (whole instanceof Undefined) throw missing(whole);
    return slice(whole, bounds.map((bound) => bound && this.evaluate(bound, scope)));
  }

  /** The values of arguments. */
  arguments(args: readonly Argument[], scope: Scope): Arguments {
    const positional: Value[] = [], named = new Map<string, Value>();
    const name = (key: string, value: Value) => {
      if (named.has(key)) throw new TemplateFault(`there are two values for "${key}"`);
      named.set(key, value);
    };
    for (const { name: key, spread, value: node } of args) {
      const value = this.evaluate(node, scope);
      if (spread === "*") { for (const one of iterate(value)) positional.push(one); }
      else if (spread === "**") {
        if (!(value instanceof Dict)) throw new TemplateFault(`a ${typeName(value)} has no names`);
        for (const [inner, one] of value.entries()) name(print(inner).text, one);
      } else if (key !== undefined) name(key, value);
      else positional.push(value);
    }
    return { positional, named };
  }

  /** Calls a function, a method or a macro. */
  call(callee: Value, args: Arguments): Value {
    if (callee instanceof Func) return callee.call(args);
    if (callee instanceof Fields && callee.call) return callee.call(args);
    if (callee instanceof Undefined) throw missing(callee);
    throw new TemplateFault(`a ${typeName(callee)} cannot be called`);
  }
}
