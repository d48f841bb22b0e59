/** The embedded model: where it lies beside the program, and what it must be. @module */

/** Checked wherever the file comes from a server. */
export const STORY = {
  /** Path relative to the repository. */
  file: "models/story.gguf",
  /** SHA-256 in hexadecimal digits. */
  sha256: "0".repeat(64),
  /** Size of the file. */
  bytes: 0,
} as const;
