//! Compiles the kernels with Zig 0.16: one row per instruction set, one row per release target.
//!
//!   zig build linux-x86_64   one release target, into <prefix>/linux-x86_64/
//!   zig build all            every release target
//!   zig build kernel-test    tests/kernels/*.c as static programs, into <prefix>/kernel-test/
//!
//! `deno task build` is the usual way in: it fetches this Zig and names the folders.
const std = @import("std");

/// Same bytes for the same sources on every machine: no CPU detection, no paths, no debug info.
/// Contraction is off because each kernel writes out its fused operations: the order of float
/// additions is part of its definition, and the same in every instruction set.
const c_flags = [_][]const u8{
    "-std=c11",
    "-ffp-contract=off",
    "-fno-math-errno",
    "-fvisibility=hidden",
    "-Wall",
    "-Wextra",
    "-Werror",
};

/// What is compiled once, for the plainest CPU of an architecture.
const root_sources = [_][]const u8{
    "kernels/cria.c",
    "kernels/check.c",
    "kernels/grids.c",
    "kernels/memory.c",
    "kernels/threads.c",
};

/// One row per line of kernels/isas.def. kernels/unit.c is compiled once per row, with
/// `-DISA=<name>`, as an object of its own: Zig states every CPU feature that a target lacks to
/// clang as well, so that a `-mavx2` among the flags of a single file would lose. The features are
/// those that kernels/cpu.h asks the processor for, and no others.
const Isa = struct { name: []const u8, arch: std.Target.Cpu.Arch, cpu: []const u8 };
const isas = [_]Isa{
    .{ .name = "scalar", .arch = .x86_64, .cpu = "baseline" },
    .{ .name = "avx2", .arch = .x86_64, .cpu = avx2 },
    .{ .name = "avxvnni", .arch = .x86_64, .cpu = avx2 ++ "+avxvnni" },
    .{ .name = "avx512", .arch = .x86_64, .cpu = avx512 },
    .{ .name = "amx", .arch = .x86_64, .cpu = avx512 ++ "+amx_tile+amx_int8" },
    .{ .name = "scalar", .arch = .aarch64, .cpu = "baseline" },
    .{ .name = "neon", .arch = .aarch64, .cpu = "baseline" },
    .{ .name = "neon_dotprod", .arch = .aarch64, .cpu = "baseline+dotprod" },
    .{ .name = "neon_i8mm", .arch = .aarch64, .cpu = "baseline+dotprod+i8mm" },
};
const avx2 = "baseline+avx2+fma+f16c+bmi+bmi2";
const avx512 = avx2 ++ "+avx512f+avx512bw+avx512cd+avx512dq+avx512vl+avx512vnni";

/// One row per release target, named as Deno names a platform: `<os>-<arch>`.
const Release = struct { name: []const u8, triple: []const u8 };
const releases = [_]Release{
    .{ .name = "linux-x86_64", .triple = "x86_64-linux-gnu.2.17" },
    .{ .name = "linux-aarch64", .triple = "aarch64-linux-gnu.2.17" },
    .{ .name = "darwin-x86_64", .triple = "x86_64-macos" },
    .{ .name = "darwin-aarch64", .triple = "aarch64-macos" },
};

/// Static programs of the C tests: musl needs no system root, and qemu-user no library path.
const test_triples = [_]Release{
    .{ .name = "linux-x86_64", .triple = "x86_64-linux-musl" },
    .{ .name = "linux-aarch64", .triple = "aarch64-linux-musl" },
};
const test_source = "tests/kernels/equality.c";

/// AMX's tiles: the C tests have them in plain C, to run where no processor has them.
const Tiles = enum { real, emulated };

pub fn build(b: *std.Build) void {
    const all = b.step("all", "every release target");
    for (releases) |release| {
        const library = b.addLibrary(.{
            .name = "cria",
            .linkage = .dynamic,
            .root_module = kernels(b, release.triple, .real),
        });
        library.link_z_defs = true; // a symbol nobody defines is an error here, not at the user's
        const installed = install(b, library, release.name);
        b.step(release.name, release.triple).dependOn(installed);
        all.dependOn(installed);
    }
    b.default_step = all;

    const tests = b.step("kernel-test", "the C tests as static programs");
    if (!exists(b, test_source)) return;
    for (test_triples) |row| {
        const module = kernels(b, row.triple, .emulated);
        module.addCSourceFile(.{ .file = b.path(test_source), .flags = &c_flags });
        const program = b.addExecutable(.{
            .name = "equality",
            .linkage = .static,
            .root_module = module,
        });
        tests.dependOn(install(b, program, b.fmt("kernel-test/{s}", .{row.name})));
    }
}

/// The root module of one target: the root sources, and one object per instruction set.
fn kernels(b: *std.Build, triple: []const u8, tiles: Tiles) *std.Build.Module {
    const root = cModule(b, triple, "baseline", tiles);
    root.addCSourceFiles(.{ .files = &root_sources, .flags = &c_flags });
    const arch = root.resolved_target.?.result.cpu.arch;
    for (isas) |isa| {
        if (isa.arch != arch) continue;
        const unit = cModule(b, triple, isa.cpu, tiles);
        unit.addCSourceFile(.{ .file = b.path("kernels/unit.c"), .flags = &c_flags });
        unit.addCMacro("ISA", isa.name);
        root.addObject(b.addObject(.{ .name = isa.name, .root_module = unit }));
    }
    return root;
}

fn cModule(b: *std.Build, triple: []const u8, cpu: []const u8, tiles: Tiles) *std.Build.Module {
    const query = std.Target.Query.parse(.{
        .arch_os_abi = triple,
        .cpu_features = cpu,
    }) catch @panic("a row of build.zig names an unknown target or CPU");
    const module = b.createModule(.{
        .target = b.resolveTargetQuery(query),
        .optimize = .ReleaseFast,
        .link_libc = true,
        .pic = true,
        .strip = true,
        .sanitize_c = .off,
        .omit_frame_pointer = true,
    });
    module.addIncludePath(b.path("kernels"));
    if (tiles == .emulated) {
        module.addIncludePath(b.path("tests/kernels"));
        module.addCMacro("CRIA_EMULATED_TILES", "1");
    }
    return module;
}

fn install(b: *std.Build, artifact: *std.Build.Step.Compile, folder: []const u8) *std.Build.Step {
    return &b.addInstallArtifact(artifact, .{
        .dest_dir = .{ .override = .{ .custom = folder } },
        .pdb_dir = .disabled,
        .implib_dir = .disabled,
    }).step;
}

fn exists(b: *std.Build, path: []const u8) bool {
    b.build_root.handle.access(b.graph.io, path, .{}) catch return false;
    return true;
}
