/** Runs the statements of a template. @module */

import type { Expression, Parameter, Statement, Target } from "./ast.ts";
import { checkLength, LIMITS, spend, TemplateFault } from "./budget.ts";
import { Evaluator } from "./evaluator.ts";
import { loopFields } from "./loop.ts";
import { Scope } from "./scope.ts";
import { Text } from "./text.ts";
import {
  type Arguments,
  Dict,
  Fields,
  found,
  Func,
  iterate,
  truth,
  Tuple,
  typeName,
  type Value,
} from "./values.ts";
import { print } from "./writing.ts";

/** Why statements ended before their end. */
type Leave = "break" | "continue" | undefined;
type Of<K extends Statement["kind"]> = Extract<Statement, { readonly kind: K }>;

/** What statements write; its length is watched as it grows, so that faults have their place. */
class Output {
  readonly #parts: Text[] = [];
  #length = 0;

  push(text: Text): void {
    this.#length += text.length;
    checkLength(this.#length);
    this.#parts.push(text);
  }

  get text(): Text {
    return Text.join(this.#parts);
  }
}

/** Writes statements, one rendering long. */
export class Renderer {
  readonly #evaluator = new Evaluator((body, scope) => this.write(body, new Scope(scope)));
  #calls = 0;

  /** The text that statements write. */
  write(body: readonly Statement[], scope: Scope): Text {
    const out = new Output();
    this.#run(body, scope, out);
    return out.text;
  }

  #run(body: readonly Statement[], scope: Scope, out: Output): Leave {
    for (const statement of body) {
      spend(1);
      try {
        const leave = this.#statement(statement, scope, out);
        if (leave) return leave;
      } catch (error) {
        if (error instanceof TemplateFault) error.at ??= statement.at;
        throw error;
      }
    }
    return undefined;
  }

  #statement(node: Statement, scope: Scope, out: Output): Leave {
    switch (node.kind) {
      case "data":
        out.push(Text.own(node.text));
        return;
      case "print":
        out.push(print(this.#value(node.value, scope)));
        return;
      case "set":
        this.#assign(node.target, this.#value(node.value, scope), scope);
        return;
      case "if": {
        const taken = node.branches.find(({ test }) => truth(this.#value(test, scope)));
        return this.#run(taken?.body ?? node.otherwise, scope, out);
      }
      case "for":
        this.#loop(node, scope, out, this.#value(node.items, scope), 0);
        return;
      case "with":
        return this.#with(node, scope, out);
      case "macro":
        scope.set(node.name, this.#macro(node.name, node.parameters, node.body, scope));
        return;
      case "call block":
        out.push(print(this.#callBlock(node, scope)));
        return;
      default:
        return node.kind;
    }
  }

  #value(node: Expression, scope: Scope): Value {
    return this.#evaluator.evaluate(node, scope);
  }

  #with({ values, body }: Of<"with">, scope: Scope, out: Output): Leave {
    const inner = new Scope(scope);
    for (const [target, node] of values) this.#assign(target, this.#value(node, scope), inner);
    return this.#run(body, inner, out);
  }

  #assign(target: Target, value: Value, scope: Scope): void {
    if (target.kind === "name") return scope.set(target.name, value);
    if (target.kind === "field") {
      const object = scope.get(target.name);
      if (object instanceof Fields && object.set) return object.set(target.field, value);
      throw new TemplateFault(`"${target.name}" is no namespace, its fields cannot be set`);
    }
    const items = iterate(value);
    if (items.length !== target.items.length) {
      throw new TemplateFault(`there are ${items.length} values for ${target.items.length} names`);
    }
    target.items.forEach((one, index) => this.#assign(one, items[index]!, scope));
  }

  /** A loop over some items; a recursive one may run itself over others. */
  #loop(node: Of<"for">, scope: Scope, out: Output, over: Value, depth: number): void {
    const items = this.#chosen(node, iterate(over), scope);
    if (items.length === 0) {
      this.#run(node.otherwise, new Scope(scope), out);
      return;
    }
    const again = (args: Arguments) => {
      const inner = new Output();
      const more = found(args.positional[0], "what a loop goes through");
      this.#nested(() => this.#loop(node, scope, inner, more, depth + 1));
      return inner.text;
    };
    const changes: { last?: Value } = {};
    for (let index = 0; index < items.length; index++) {
      spend(1);
      const inner = new Scope(scope);
      const call = node.recursive ? again : undefined;
      inner.set("loop", loopFields({ items, index, depth, changes, call }));
      this.#assign(node.target, items[index]!, inner);
      if (this.#run(node.body, inner, out) === "break") return;
    }
  }

  /** The items of a loop that its condition lets pass. */
  #chosen({ target, test }: Of<"for">, items: readonly Value[], scope: Scope): readonly Value[] {
    if (!test) return items;
    return items.filter((item) => {
      const inner = new Scope(scope);
      this.#assign(target, item, inner);
      return truth(this.#value(test, inner));
    });
  }

  /** A macro: a function that writes. */
  #macro(
    name: string,
    parameters: readonly Parameter[],
    body: readonly Statement[],
    scope: Scope,
  ): Func {
    return new Func(name, (args) => {
      const inner = new Scope(scope);
      this.#bind(name, parameters, args, inner);
      return this.#nested(() => this.write(body, inner));
    });
  }

  #bind(name: string, parameters: readonly Parameter[], args: Arguments, scope: Scope): void {
    const { positional, named } = args, rest = new Map(named);
    const caller = rest.get("caller");
    rest.delete("caller");
    scope.set("caller", found(caller, '"caller"'));
    const defaults: Parameter[] = [];
    parameters.forEach((parameter, index) => {
      const value = index in positional ? positional[index] : rest.get(parameter.name);
      rest.delete(parameter.name);
      scope.set(parameter.name, found(value, `"${parameter.name}" of "${name}"`));
      if (value === undefined && parameter.otherwise) defaults.push(parameter);
    });
    for (const parameter of defaults) {
      scope.set(parameter.name, this.#value(parameter.otherwise!, scope));
    }
    scope.set("varargs", new Tuple(positional.slice(parameters.length)));
    scope.set("kwargs", new Dict([...rest].map(([key, value]) => [Text.own(key), value])));
  }

  /** `{% call macro() %}`: the macro finds the block as `caller`. */
  #callBlock({ parameters, call, body }: Of<"call block">, scope: Scope): Value {
    const caller = this.#macro("caller", parameters, body, scope);
    const callee = this.#value(call.callee, scope);
    const { positional, named } = this.#evaluator.arguments(call.args, scope);
    if (!(callee instanceof Func)) {
      throw new TemplateFault(`a ${typeName(callee)} is no macro`);
    }
    return this.#evaluator.call(callee, {
      positional,
      named: new Map([...named, ["caller", caller]]),
    });
  }

  /** Work that may run itself again. */
  #nested<T>(work: () => T): T {
    if (++this.#calls > LIMITS.calls) {
      throw new TemplateFault(`macros call each other more than ${LIMITS.calls} deep`);
    }
    try {
      return work();
    } finally {
      this.#calls--;
    }
  }
}
