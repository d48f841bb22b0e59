/** The formats of strings that are enforced, as regular expressions over whole texts. @module */

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

/** The regular expression of a format, if it is enforced. */
export function formatOf(name: string): string | undefined {
  return Object.hasOwn(FORMATS, name) ? `(?:${FORMATS[name]})` : undefined;
}
