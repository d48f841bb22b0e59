/** The version of this program: the one in deno.json, which a test compares. @module */

/** As in "0.1.0". */
export const VERSION = "0.1.0";
