/**
 * Draws docs/terminal.svg, the picture of the README, from what the program really writes:
 * `deno run -A docs/picture.ts`, or with the path of another model than the embedded one.
 * @module
 */

const COLUMNS = 80;
const FONT_SIZE = 14;
const CELL = { width: 8.43, height: 20 };
const MARGIN = { left: 18, top: 48, bottom: 16 };
const TYPING_SECONDS = 0.035; // per character
const MAIN = new URL("../src/cli/main.ts", import.meta.url).pathname;
const ROOT = new URL("..", import.meta.url).pathname;
const PICTURE = new URL("terminal.svg", import.meta.url);

/** What is run; a path of another folder is shown by its last part. */
const [model] = Deno.args;
const PROMPT = ["-p", "Once upon a time", "--seed", "3"];
const SCENES = [
  model === undefined ? ["run", ...PROMPT] : ["run", model, "-n", "90", ...PROMPT],
  ["inspect", model ?? "models/story.gguf"],
];

/** A line of the picture: its kind is its class in the style sheet. */
interface Line {
  readonly kind: "command" | "text" | "note" | "title";
  readonly text: string;
  readonly atSeconds: number;
}

const lines: Line[] = [];
let clockSeconds = 0.5;
for (const args of SCENES) await play(args);
await Deno.writeTextFile(PICTURE, draw(lines));
await new Deno.Command(Deno.execPath(), { args: ["fmt", "--quiet", PICTURE.pathname] }).output();

/** Runs a command and takes down what is typed and what comes back. */
async function play(args: readonly string[]): Promise<void> {
  const names = args.map((arg) => arg === model ? arg.split("/").at(-1)! : arg);
  const shown = names.map((arg) => arg.includes(" ") ? `"${arg}"` : arg).join(" ");
  const typed = `$ deno task cria ${shown}`;
  if (lines.length > 0) add("text", "", 0);
  for (const line of fold(typed)) add("command", line, line.length * TYPING_SECONDS);
  clockSeconds += 0.4;
  const { stdout, stderr, code } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", MAIN, ...args],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  if (code !== 0) throw new Error(text.decode(stderr));
  const prompt = args[0] === "run" ? args[args.indexOf("-p") + 1] : "";
  for (const [index, line] of fold(prompt + text.decode(stdout).trimEnd()).entries()) {
    add(args[0] === "inspect" && index === 0 ? "title" : "text", line, 0.12);
  }
  for (const line of fold(text.decode(stderr).trim())) add("note", line, 0.12);
  clockSeconds += 0.8;
}

function add(kind: Line["kind"], text: string, seconds: number): void {
  lines.push({ kind, text, atSeconds: clockSeconds });
  clockSeconds += seconds;
}

/** Lines as a terminal of 80 columns would have them, but broken between words. */
function fold(text: string): string[] {
  return text.split("\n").flatMap((line) => {
    const folded: string[] = [];
    let rest = line;
    while (rest.length > COLUMNS) {
      const space = rest.lastIndexOf(" ", COLUMNS);
      const end = space > 0 ? space : COLUMNS;
      folded.push(rest.slice(0, end));
      rest = rest.slice(end).trimStart();
    }
    return rest === "" && line !== "" ? folded : [...folded, rest];
  });
}

/** The picture: lines appear one after another; without animation all are there. */
function draw(all: readonly Line[]): string {
  const width = Math.ceil(COLUMNS * CELL.width) + 2 * MARGIN.left;
  const height = all.length * CELL.height + MARGIN.top + MARGIN.bottom;
  const dots = ["#ff5f57", "#febc2e", "#28c840"].map((color, index) =>
    `<circle cx="${22 + 20 * index}" cy="20" r="6" fill="${color}"/>`
  ).join("");
  const rows = all.map(({ kind, text, atSeconds }, index) => {
    const y = MARGIN.top + index * CELL.height + FONT_SIZE - 4;
    const delay = `animation-delay:${atSeconds.toFixed(2)}s`;
    const length = [...text].length * CELL.width;
    const fit = `textLength="${length.toFixed(1)}" lengthAdjust="spacingAndGlyphs"`;
    if (text === "") return "";
    return `<text class="${kind}" style="${delay}" x="${MARGIN.left}" y="${y}" ${fit}` +
      ` xml:space="preserve">${escape(text)}</text>`;
  }).filter((row) => row !== "").join("\n");
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}"
 width="${width}" height="${height}" role="img" aria-label="cria in a terminal">
<style>
text { font: ${FONT_SIZE}px ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace;
  fill: #d6deeb; animation: show 0.2s backwards; }
.command { fill: #7fdbca; font-weight: bold; }
.note { fill: #7b8ca5; }
.title { fill: #ffffff; font-weight: bold; }
@keyframes show { from { opacity: 0; } }
@media (prefers-reduced-motion: reduce) { text { animation: none; } }
</style>
<rect width="${width}" height="${height}" rx="10" fill="#011627"/>
${dots}
${rows}
</svg>
`;
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
