/** `cria chat`: a conversation on a terminal, or one turn of it. @module */

import type { ChatMessage } from "../chat/template.ts";
import { callMessage } from "../chat/tool_calls.ts";
import type { Session } from "../session/session.ts";
import type { StructureOptions } from "../session/structure.ts";
import type { ToolOptions } from "../session/tool_turn.ts";
import { define, ENGINE, type Flags, text, toggle, type Values } from "./command.ts";
import { about, EXIT, oneLine } from "./failure.ts";
import {
  finish,
  generateOptions,
  GENERATION,
  type GenerationFlags,
  promptProgress,
  promptText,
  writeGeneration,
} from "./generation.ts";
import { Interrupt, Uninterrupted } from "./interrupt.ts";
import { joinWithin } from "./layout.ts";
import { LineReader } from "./line_reader.ts";
import { type EngineFlags, loadModel, type Opened } from "./models.ts";
import { readStructure } from "./structure.ts";
import { readVariables, TEMPLATE } from "./template_flag.ts";
import { readToolFlags, TOOLS } from "./tools.ts";
import { dim, isTerminal, note, Progress, terminalWidth } from "./terminal.ts";

/** The flags that only a chat has. */
const CHAT = {
  system: text("TEXT", "What the model is told before the conversation", { setting: true }),
  ...TEMPLATE,
  ...TOOLS,
  noReasoning: toggle("Do not show what the model thinks before it answers", { setting: true }),
} as const satisfies Flags;

/** The command. */
export const command = define({
  arguments: [{
    name: "MODEL",
    help: "A GGUF file, or a folder with safetensors (default: the embedded story model)",
    optional: true,
  }],
  flags: {
    ...CHAT,
    ...GENERATION,
    ...ENGINE,
  },
  notes: [
    "Without -p, on a terminal, it is a conversation: /reset begins anew, /exit leaves, /help " +
    "says more. Ctrl-C stops an answer, once more leaves. Pasted lines are one message.",
  ],
  examples: [
    "chat model.gguf",
    'chat model.gguf --system "Be brief." -p "Hello!"',
    'chat model.gguf --tools tools.json -p "Is it late?"',
  ],
  async run({ flags, given: [path] }) {
    const { prompt, json, system } = flags;
    const structure = { ...await readStructure(flags), ...await readToolFlags(flags) };
    const converse = prompt === undefined && !json && isTerminal.stdin();
    const first = converse ? undefined : await promptText(prompt);
    using opened = await load(path, flags);
    const messages: ChatMessage[] = system === undefined
      ? []
      : [{ role: "system", content: system }];
    return await about("chat with", opened.path, async () => {
      using session = opened.model.session();
      if (first === undefined) {
        return await conversation(opened, session, messages, { ...flags, structure });
      }
      const { result } = await turn(session, [...messages, user(first)], { ...flags, structure });
      return await finish(opened, result, flags);
    });
  },
});

async function load(
  path: string | undefined,
  flags: GenerationFlags & EngineFlags,
): Promise<Opened> {
  using interrupt = new Interrupt();
  return await loadModel(path, flags, interrupt.signal);
}

function user(content: string): ChatMessage {
  return { role: "user", content };
}

/** The flags of a chat, and what their files hold. */
type ChatFlags = GenerationFlags & Values<typeof CHAT> & {
  readonly structure: StructureOptions & ToolOptions;
};

/** One answer, written while it comes. */
async function turn(
  session: Session,
  messages: readonly ChatMessage[],
  flags: ChatFlags,
): Promise<{ result: Awaited<ReturnType<typeof writeGeneration>> }> {
  using interrupt = new Interrupt();
  using progress = new Progress(!flags.quiet);
  const { signal } = interrupt;
  const options = {
    ...generateOptions(flags),
    ...flags.structure,
    variables: readVariables(flags.variables),
    signal,
    onPromptProgress: promptProgress(progress),
  };
  const generation = session.chat(messages, options);
  const { json, quiet, noReasoning } = flags;
  const isShown = !quiet && !noReasoning;
  return { result: await writeGeneration(generation, signal, progress, json, isShown) };
}

const HELP = [
  "/reset  forget the conversation and begin anew",
  "/exit   leave (so do Ctrl-D, and Ctrl-C at an empty line)",
  "/help   this",
  "Anything else is a message; pasted lines are one message.",
];

/** Reads messages and answers them until the user leaves. */
async function conversation(
  { path, model }: Opened,
  session: Session,
  opening: readonly ChatMessage[],
  flags: ChatFlags,
): Promise<number> {
  const name = path.split("/").at(-1)!;
  if (!flags.quiet) {
    const parts = [name, `${model.context} positions`, "/help says more"];
    joinWithin(parts, terminalWidth()).forEach((line) => note(dim(line)));
  }
  const reader = new LineReader("> ");
  using _ = new Uninterrupted();
  let messages = [...opening];
  for (;;) {
    const line = await reader.next();
    if (line.kind !== "line") {
      note("");
      return line.kind === "end" ? EXIT.done : EXIT.interrupted;
    }
    const said = line.text.trim();
    if (said === "") continue;
    if (said === "/exit" || said === "/quit") return EXIT.done;
    if (said === "/help") HELP.forEach((help) => note(help));
    else if (said === "/reset") {
      messages = [...opening];
      session.reset();
      note(dim("The conversation begins anew."));
    } else if (/^\/\w+$/.test(said)) note(`cria: Cannot do "${said}": there is no such command`);
    else messages = await answer(session, messages, said, flags);
  }
}

/** One turn of a conversation; a failure is shown, and leaves the conversation as it was. */
async function answer(
  session: Session,
  messages: ChatMessage[],
  said: string,
  flags: ChatFlags,
): Promise<ChatMessage[]> {
  const asked = [...messages, user(said)];
  try {
    const { result } = await turn(session, asked, flags);
    const { text: content, reasoning, toolCalls = [] } = result;
    return [...asked, { ...callMessage(content, toolCalls), reasoning }];
  } catch (error) {
    note(`cria: ${oneLine(error)}`);
    return messages;
  }
}
