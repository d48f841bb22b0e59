/** Formats that are enforced: of strings by regular expressions, of numbers by bounds. @module */

const YEAR = "\\d{4}";
/** Years that 4 divides and 100 does not, and those that 400 divides. */
const LEAP = "(\\d\\d(0[48]|[2468][048]|[13579][26])|(0[048]|[2468][048]|[13579][26])00)";
const DATE = `(${YEAR}-((0[13578]|1[02])-(0[1-9]|[12]\\d|3[01])|(0[469]|11)-(0[1-9]|[12]\\d|30)|` +
  `02-(0[1-9]|1\\d|2[0-8]))|${LEAP}-02-29)`;
const HOUR = "([01]\\d|2[0-3])";
const TIME = `${HOUR}:[0-5]\\d:[0-5]\\d(\\.\\d{1,6})?(Z|[+-]${HOUR}:[0-5]\\d)`;
const A = "[a-zA-Z0-9]", H = "[a-zA-Z0-9-]";
/** No `--` at the third place: what follows `xn--` is Punycode, which a pattern cannot check. */
const LABEL = `${A}(${A}|${H}${A}|${H}${H}${A}|${H}(${A}${H}|-${A})${H}{0,58}${A})?`;
const HOST = `${LABEL}(\\.${LABEL}){0,3}`;
const OCTET = "(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]\\d|\\d)";
const IPV4 = `${OCTET}(\\.${OCTET}){3}`;
const GROUP = "[0-9a-fA-F]{1,4}";
/** Eight groups, or fewer with one gap. */
const IPV6 = [
  `(${GROUP}:){7}${GROUP}`,
  `(${GROUP}:){1,7}:`,
  ...Array.from({ length: 6 }, (_, i) => `(${GROUP}:){1,${6 - i}}(:${GROUP}){1,${i + 1}}`),
  `:(:${GROUP}){1,7}`,
  "::",
].join("|");
const ATOM = "[a-zA-Z0-9!#$&'*+/=?^_`{|}~%-]+";
const EMAIL = `${ATOM}(\\.${ATOM}){0,3}@${LABEL}(\\.${LABEL}){1,3}`;
const HEX = "[0-9a-fA-F]";
const UUID = `${HEX}{8}(-${HEX}{4}){3}-${HEX}{12}`;
const PCHAR = "([a-zA-Z0-9._~!$&'()*+,;=:@-]|%[0-9a-fA-F]{2})";
const PATH = `(/${PCHAR}*)*`;
const TAIL = `(\\?(${PCHAR}|[/?])*)?(#(${PCHAR}|[/?])*)?`;
const URI = `[a-zA-Z][a-zA-Z0-9+.-]{0,19}:(//${HOST}(:\\d{1,5})?|/?${PCHAR}+)${PATH}${TAIL}`;
/** Units follow each other without gaps (RFC 3339, appendix A). */
const TIMES = "T(\\d+H(\\d+M(\\d+S)?)?|\\d+M(\\d+S)?|\\d+S)";
const DAYS = "(\\d+Y(\\d+M(\\d+D)?)?|\\d+M(\\d+D)?|\\d+D)";

/**
 * Each format with a part of what its specification allows that every validator agrees on: dates
 * and times of RFC 3339 without leap seconds, addresses of ASCII.
 */
const FORMATS: Readonly<Record<string, string>> = {
  date: DATE,
  time: TIME,
  "date-time": `${DATE}T${TIME}`,
  duration: `P(\\d+W|${DAYS}(${TIMES})?|${TIMES})`,
  email: EMAIL,
  hostname: HOST,
  ipv4: IPV4,
  ipv6: IPV6,
  uuid: UUID,
  uri: URI,
  "json-pointer": "(/([^~/]|~0|~1)*)*",
};

/** What a format says of numbers. */
export interface NumberFormat {
  readonly minimum: number;
  readonly maximum: number;
  readonly whole: boolean;
}

const signed = (bits: number): NumberFormat => ({
  minimum: -(2 ** (bits - 1)),
  maximum: 2 ** (bits - 1) - 1,
  whole: true,
});
const unsigned = (bits: number): NumberFormat => ({
  minimum: 0,
  maximum: 2 ** bits - 1,
  whole: true,
});
const SAFE = Number.MAX_SAFE_INTEGER, FLOAT = (2 - 2 ** -23) * 2 ** 127;

/** The numbers of OpenAPI's registry of formats; of 64 bits those that doubles tell apart. */
const NUMBER_FORMATS: Readonly<Record<string, NumberFormat>> = {
  int8: signed(8),
  int16: signed(16),
  int32: signed(32),
  int64: { minimum: -SAFE, maximum: SAFE, whole: true },
  uint8: unsigned(8),
  uint16: unsigned(16),
  uint32: unsigned(32),
  uint64: { minimum: 0, maximum: SAFE, whole: true },
  float: { minimum: -FLOAT, maximum: FLOAT, whole: false },
  double: { minimum: -Infinity, maximum: Infinity, whole: false },
};

/** Names that Zod gives to patterns: the pattern beside one says all that it means. */
const PATTERN_NAMES: ReadonlySet<string> = new Set([
  ...["starts_with", "ends_with", "includes", "lowercase", "uppercase", "emoji", "e164", "hex"],
  ...["cuid", "cuid2", "ulid", "xid", "ksuid", "nanoid", "cidrv4", "cidrv6", "mac"],
]);

/** The regular expression of a format, if it is one of strings. */
export function formatOf(name: string): string | undefined {
  return Object.hasOwn(FORMATS, name) ? `(?:${FORMATS[name]})` : undefined;
}

/** What a format says of numbers, if it is one of these. */
export function numberFormatOf(name: unknown): NumberFormat | undefined {
  return typeof name === "string" && Object.hasOwn(NUMBER_FORMATS, name)
    ? NUMBER_FORMATS[name]
    : undefined;
}

/** Whether what a schema says by `format` is enforced, by itself or by the patterns beside it. */
export function isEnforced(
  { format, pattern, allOf }: Readonly<Record<string, unknown>>,
): boolean {
  if (typeof format !== "string") return false;
  if (formatOf(format) !== undefined || numberFormatOf(format) !== undefined) return true;
  const parts: readonly unknown[] = Array.isArray(allOf) ? allOf : [];
  const isPattern = (part: unknown) =>
    typeof part === "object" && part !== null && "pattern" in part;
  return PATTERN_NAMES.has(format) && (pattern !== undefined || parts.some(isPattern));
}
