/** A few random generations under fifty schemas; a script makes ten thousand. @module */

import { assertEquals, assertGreater } from "@std/assert";
import { generateRandomly } from "./random_generations.ts";
import { fuzzSchemas } from "./schema_fuzz.ts";
import { SCHEMAS } from "./schemas.ts";

Deno.test("whatever the model would say, values meet their schemas", async () => {
  assertEquals(SCHEMAS.length, 50);
  const { cutShort, failures } = await generateRandomly(100, 20_000);
  assertEquals(failures, []);
  assertGreater(cutShort, 2);
});

Deno.test("texts that wander at random meet random schemas", () => {
  const { texts, refused, failures } = fuzzSchemas(150, 1);
  assertEquals(failures, []);
  assertGreater(texts, 200);
  assertGreater(refused, 20);
});
