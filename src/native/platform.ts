/** How a platform is named: its library, its folder, its row in checksums.ts. @module */

/** A platform that a library is built for, in Deno's words. */
export interface Platform {
  /** Operating system, as in `Deno.build.os`. */
  readonly os: string;
  /** Processor architecture, as in `Deno.build.arch`. */
  readonly arch: string;
}

/** The name of a platform as a folder, and as a row of build.zig's release table. */
export function platformFolder({ os, arch }: Platform = Deno.build): string {
  return `${os}-${arch}`;
}

/** The key of a platform in checksums.ts. */
export function platformKey({ os, arch }: Platform = Deno.build): string {
  return `${arch}-${os}`;
}

/** What the library is called on a platform. */
export function libraryName({ os }: Platform = Deno.build): string {
  if (os === "windows") return "cria.dll";
  return os === "darwin" ? "libcria.dylib" : "libcria.so";
}

/** Where a build puts the library of a platform: a path with slashes, in the repository. */
export function libraryFile(platform: Platform = Deno.build): string {
  return `kernels/build/${platformFolder(platform)}/${libraryName(platform)}`;
}
