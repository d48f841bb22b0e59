/**
 * Every instruction set returns the same bits: the C program of tests/kernels runs on this
 * processor and, under qemu, on three Arm ones, and prints the same hashes. AMX's tiles are
 * emulated in it, so that `amx` is compared wherever there is AVX-512. @module
 */

import { assert, assertEquals } from "@std/assert";
import { buildKernelTests, type KernelTests } from "../src/toolchain/build.ts";
import { skip } from "./support.ts";

const QEMU = "qemu-aarch64";
const HERE = "kernels: the same bits on every instruction set of this processor";
const ON_ARM = "kernels: the same bits on Arm as on x86_64";

/** Arm processors of qemu, with the instruction sets that cria is to find on each. */
const ARM = [
  { cpu: "cortex-a53", isas: "neon scalar" },
  { cpu: "cortex-a76", isas: "neon_dotprod neon scalar" },
  { cpu: "max", isas: "neon_i8mm neon_dotprod neon scalar" },
];

/** What one run of the program said. */
interface Run {
  /** One line per case: name and hash. */
  readonly lines: string[];
  /** The instruction sets that were compared with each other, best first. */
  readonly isas: string;
}

/** Runs the program: all cases, on all instruction sets, thread counts and cuts of the rows. */
async function run(command: string, args: string[] = []): Promise<Run> {
  const { code, stdout, stderr } = await new Deno.Command(command, { args }).output();
  const said = new TextDecoder().decode(stderr);
  assertEquals(code, 0, `${[command, ...args].join(" ")}: ${said}`);
  const lines = new TextDecoder().decode(stdout).trim().split("\n");
  return { lines, isas: /, on (.*)\n/.exec(said)?.[1] ?? "" };
}

async function programs(): Promise<KernelTests> {
  const built = await buildKernelTests();
  assert(built !== undefined, "there is no tests/kernels/equality.c");
  return built;
}

function hasQemu(): boolean {
  try {
    return new Deno.Command(QEMU, { args: ["--version"] }).outputSync().success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

if (Deno.build.os !== "linux") skip(HERE, "the C tests are programs for Linux");
else {
  Deno.test(HERE, async () => {
    const { lines, isas } = await run((await programs())[Deno.build.arch]);
    assert(lines.length > 800, `only ${lines.length} cases`);
    assert(isas.endsWith("scalar"), `the scalar kernels are missing: "${isas}"`);
    assertEquals(isas.includes("amx"), isas.includes("avx512"), isas);
  });
}

if (Deno.build.os !== "linux" || Deno.build.arch !== "x86_64" || !hasQemu()) {
  skip(ON_ARM, `needs Linux on x86_64 and ${QEMU}`);
} else {
  Deno.test(ON_ARM, async () => {
    const { x86_64, aarch64 } = await programs();
    const [here, ...there] = await Promise.all([
      run(x86_64),
      ...ARM.map(({ cpu }) => run(QEMU, ["-cpu", cpu, aarch64])),
    ]);
    for (const [index, { cpu, isas }] of ARM.entries()) {
      assertEquals(there[index]?.isas, isas, cpu);
      assertEquals(there[index]?.lines, here.lines, `${cpu} differs from this processor`);
    }
  });
}
