/** The embedded model: where it lies beside the program, and what it must be. @module */

/** Checked wherever the file comes from a server. */
export const STORY = {
  /** Path relative to the repository. */
  file: "models/story.gguf",
  /** SHA-256 in hexadecimal digits. */
  sha256: "9b689918d093bbfd18ce108381eeae5e44e7a926f8ca77562ec2cd0369d9ce0b",
  /** Size of the file. */
  bytes: 2_563_936,
} as const;
