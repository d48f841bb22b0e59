/** JSON Schema (draft 2020-12) made into rules: what it says is enforced, or refused. @module */

import { ArgumentError } from "../../errors.ts";
import { type Dfa, dfaOfTexts } from "../dfa.ts";
import { characters, choice, EMPTY, type Expression, repeat } from "../expression.ts";
import { rule, type Rules, sequence, text } from "../expression.ts";
import { arrayExpression } from "./arrays.ts";
import { areDisjoint, valuesOf } from "./disjoint.ts";
import { contentKey, type Place, refuse, SchemaDocument } from "./document.ts";
import { type Conjunction, Forms } from "./forms.ts";
import type { TypeName } from "./keywords.ts";
import { numberExpression, numberRange } from "./numbers.ts";
import { objectExpression, objectShape } from "./objects.ts";
import { languageDfa, stringExpression, stringLanguage } from "./strings.ts";
import { typesOf } from "./types.ts";
import { COMMA, keyOf, SPACE, valuesExpression } from "./values.ts";

/**
 * Compiles a schema: the texts of the rules are the values that meet it, as JSON with at most one
 * space behind commas and colons.
 * @throws ArgumentError naming the place of what cannot be enforced
 */
export function readSchema(schema: unknown): Rules {
  const compiler = new Compiler(new SchemaDocument(schema));
  try {
    const root = compiler.root();
    return { rules: compiler.rules, root };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error; // our own stack has run out
    throw new ArgumentError("Cannot compile the schema: it is nested too deeply", { cause: error });
  }
}

const ANY = "any", FREE: Conjunction = [];

class Compiler {
  /** The rules so far. */
  readonly rules = new Map<string, Expression>();
  readonly #document: SchemaDocument;
  readonly #forms: Forms;
  readonly #open: (() => void)[] = []; // rules that are named, and have to be made yet

  constructor(document: SchemaDocument) {
    this.#document = document;
    const namesOf = (place: Place) => this.#names(place);
    const disjoint = (a: Conjunction, b: Conjunction, depth = 0): boolean =>
      areDisjoint(a, b, { document, namesOf, depth, ofAll: (all) => this.#forms.ofAll(all) });
    this.#forms = new Forms(document, disjoint);
  }

  /** Compiles everything; the name of the first rule. */
  root(): string {
    const root = this.#value([this.#document.root]);
    this.rules.set("root", root);
    for (let make = this.#open.pop(); make !== undefined; make = this.#open.pop()) make();
    return "root";
  }

  /** The values that meet all of some places. */
  #value(places: readonly Place[]): Expression {
    const forms = this.#forms.ofAll(places);
    if (forms.length === 0) return characters();
    return choice(...forms.map((form) => this.#form(form)));
  }

  #form(places: Conjunction): Expression {
    if (places.length === 0) return this.#any();
    const name = [...new Set(places.map(contentKey))].sort().join(" ");
    if (!this.rules.has(name)) {
      this.rules.set(name, EMPTY);
      this.#open.push(() => this.rules.set(name, this.#typed(places)));
    }
    return rule(name);
  }

  #typed(places: Conjunction): Expression {
    const types = typesOf(places), values = valuesOf(places, types);
    if (values !== undefined) return valuesExpression(places[0]!.path, values);
    const whole = !types.has("number");
    const parts = [...types].flatMap((type) => {
      if (type === "integer" && !whole) return []; // among the numbers
      return [this.#ofType(type, places)];
    });
    return parts.length === 0 ? characters() : choice(...parts);
  }

  #ofType(type: TypeName, places: Conjunction): Expression {
    switch (type) {
      case "null":
        return text("null");
      case "boolean":
        return choice(text("true"), text("false"));
      case "string":
        return stringExpression(stringLanguage(places));
      case "number":
      case "integer":
        return numberExpression(places, numberRange(places, type === "integer"));
      case "array":
        return arrayExpression(
          places,
          this.#document,
          (all) => this.#value(all),
          (all) => this.#listed(all),
        );
      case "object": {
        const shape = objectShape(places, this.#document, (place) => this.#names(place));
        const compile = (all: readonly Place[]) => this.#value(all);
        return objectExpression(places[0]?.path ?? "#", shape, compile, (part) => {
          const name = `part ${this.rules.size}`;
          this.rules.set(name, part);
          return rule(name);
        });
      }
    }
  }

  /** The values that meet all of some places, where they are listed. */
  #listed(places: readonly Place[]): readonly unknown[] | undefined {
    const found = new Map<string, unknown>();
    for (const form of this.#forms.ofAll(places)) {
      const values = form.length === 0 ? undefined : valuesOf(form, typesOf(form));
      if (values === undefined) return undefined;
      for (const value of values) found.set(keyOf(form[0]!.path, value), value);
    }
    return [...found.values()];
  }

  /** The names that a schema allows. */
  #names(place: Place): Dfa {
    const forms = this.#forms.of(place);
    if (forms.length === 0) return dfaOfTexts([]);
    if (forms.length > 1) throw refuse(place.path, "is not supported with alternatives");
    const [form] = forms, types = typesOf(form!), values = valuesOf(form!, types);
    if (values !== undefined) {
      return dfaOfTexts(values.filter((value) => typeof value === "string"));
    }
    return types.has("string") ? languageDfa(stringLanguage(form!)) : dfaOfTexts([]);
  }

  /** Any value at all. */
  #any(): Expression {
    if (!this.rules.has(ANY)) {
      const value = rule(ANY), name = stringExpression(stringLanguage(FREE));
      const member = sequence(name, text(":"), SPACE, value);
      const list = (part: Expression) =>
        choice(EMPTY, sequence(part, repeat(sequence(COMMA, part), 0)));
      this.rules.set(
        ANY,
        choice(
          ...(["null", "boolean", "string", "number"] as const).map((type) =>
            this.#ofType(type, FREE)
          ),
          sequence(text("["), list(value), text("]")),
          sequence(text("{"), list(member), text("}")),
        ),
      );
    }
    return rule(ANY);
  }
}
