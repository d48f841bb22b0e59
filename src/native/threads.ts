/** How many threads to use when nobody says: physical cores that the process may use. @module */

const CORES = "/sys/devices/system/cpu";

/**
 * Physical cores that the process may use, at least 1. Where the system does not tell them from
 * hardware threads, or may not be asked, all hardware threads.
 */
export function defaultThreads(): number {
  const available = navigator.hardwareConcurrency;
  const perCore = threadsPerCore();
  return Math.max(1, Math.floor(available / perCore));
}

/** Hardware threads that share the first core. */
function threadsPerCore(): number {
  const path = `${CORES}/cpu0/topology/thread_siblings_list`; // "0,4" or "0-1" or "0"
  if (Deno.build.os !== "linux") return 1;
  try {
    if (Deno.permissions.querySync({ name: "read", path }).state !== "granted") return 1;
    const siblings = Deno.readTextFileSync(path).trim().split(",");
    return siblings.reduce((sum, part) => {
      const [first = 0, last = first] = part.split("-").map(Number);
      return sum + last - first + 1;
    }, 0) || 1;
  } catch {
    return 1; // not told
  }
}
