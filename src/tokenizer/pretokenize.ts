/**
 * How byte-level BPE cuts a text into words first: by the names that GGUF files give. The
 * expressions mean what llama.cpp makes of them, which now and then is less than the models' own
 * files say: it knows letters, but not which of them are capitals beyond ASCII.
 * @module
 */
import { quote } from "../bytes.ts";
import { ModelError } from "../errors.ts";
import { blanksOf, type Cutter, cutter, groupsOfThree, type Step } from "./cut.ts";

/** A way of cutting, and what goes with it. */
interface Rule {
  readonly steps: readonly Step[];
  /** A word that is a piece is that piece, whatever the merges say: any, or those of line ends. */
  readonly wholeWords?: "all" | "lines";
  /** Texts begin with the BOS token unless the file says otherwise, or even then. */
  readonly addBos?: "unless told" | "always";
  /** Spaces become blanks; pieces are text rather than bytes dressed as letters. */
  readonly blanks?: true;
  /** How far words may reach: over spaces, over the ends of lines. */
  readonly reach?: "line" | "text";
}

/** A way of cutting that is ready. */
export interface PreTokenizer extends Omit<Rule, "steps"> {
  readonly cutters: readonly Cutter[];
}

const oneOf = (...parts: readonly string[]): string => `(?:${parts.join("|")})`;

const S = "\\p{White_Space}"; // as Unicode has it, not as JavaScript
const CONTRACTION = "'s|'t|'re|'ve|'m|'ll|'d";
const ANY_CASE = "'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD]";
const GAP = `${S}+(?![^${S}])|${S}+`; // all of a gap but its last character, which begins a word
const SIGNS = ` ?[^${S}\\p{L}\\p{N}]+`;
const WORD = "[^\\r\\n\\p{L}\\p{N}]?\\p{L}+";
const LINES = `${S}*[\\r\\n]+`;
const HAN = "[\\u3400-\\u4dbf\\u4e00-\\u9fff\\uf900-\\ufaff\\u{20000}-\\u{2a6df}" +
  "\\u{2a700}-\\u{2ebef}\\u{2f800}-\\u{2fa1f}]";
const CJK = "[一-龥぀-ゟ゠-ヿ]+"; // by Chinese and Japanese
const ASCII_SIGN = "[!-\\/:-@\\[-`\\{-~]";

/** Words that change from capitals to small letters once, and what may hang on their ends. */
const cased = (upper: string, lower: string, end = ""): string => {
  const first = "[^\\r\\n\\p{L}\\p{N}]?";
  return `${first}${upper}*${lower}+${end}|${first}${upper}+${lower}*${end}`;
};
const UPPER = "[\\p{L}--[a-z]]", LOWER = "[\\p{L}--[A-Z]]";
const ENDING = `(?:${ANY_CASE})?`;

const GPT2 = oneOf(CONTRACTION, " ?\\p{L}+", " ?\\p{N}+", SIGNS, GAP);
const modern = (digits: string, word = WORD, signs = `${SIGNS}[\\r\\n]*`): string =>
  oneOf(ANY_CASE, word, digits, signs, LINES, GAP);
const LLAMA3 = modern("\\p{N}{1,3}"), QWEN2 = modern("\\p{N}");
const ONE_BY_ONE: readonly Step[] = ["\\p{N}", GPT2];

/** Words with the sign before them; signs; the rest. */
const signed = (signs: string, lines: string): string => {
  const word = "[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+";
  return oneOf(`${ASCII_SIGN}[A-Za-z]+`, word, signs, lines, GAP);
};
const DEEPSEEK3: readonly Step[] = [
  "\\p{N}{1,3}",
  CJK,
  signed(" ?[\\p{P}\\p{S}]+[\\r\\n]*", LINES),
];

const CASED_3 = oneOf(
  cased(UPPER, LOWER, ENDING),
  "\\p{N}{1,3}",
  `${SIGNS}[\\r\\n\\/]*`,
  LINES,
  GAP,
);
const MARKED_3 = oneOf(
  cased("[[\\p{L}\\p{M}]--[a-z]]", "[[\\p{L}\\p{M}]--[A-Z]]", ENDING),
  "\\p{N}{1,3}",
  `${SIGNS}[\\r\\n\\/]*`,
  LINES,
  GAP,
);
/** Capitals or not, a word is letters and marks. */
const uncased = (digits: string): string =>
  oneOf(
    `[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+${ENDING}`,
    digits,
    `${SIGNS}[\\r\\n\\/]*`,
    LINES,
    GAP,
  );

/** Letters that have cases, as Unicode 11 had them. */
const CASED =
  "[A-Za-z\\u00b5\\u00c0-\\u00d6\\u00d8-\\u00f6\\u00f8-\\u01ba\\u01bc-\\u01bf\\u01c4-\\u0293" +
  "\\u0295-\\u02af\\u0370-\\u0373\\u0376\\u0377\\u037b-\\u037d\\u037f\\u0386\\u0388-\\u038a" +
  "\\u038c\\u038e-\\u03a1\\u03a3-\\u03f5\\u03f7-\\u0481\\u048a-\\u052f\\u0531-\\u0556" +
  "\\u10a0-\\u10c5\\u13a0-\\u13f5\\u13f8-\\u13fd\\u1c90-\\u1cba\\u1cbd-\\u1cbf\\u1d00-\\u1d2b" +
  "\\u1d6b-\\u1d77\\u1d79-\\u1d9a\\u1e00-\\u1f15\\u1f18-\\u1f1d\\u1f20-\\u1f45\\u1f48-\\u1f4d" +
  "\\u1f50-\\u1f57\\u1f59\\u1f5b\\u1f5d\\u1f5f-\\u1f7d\\u1f80-\\u1fb4\\u1fb6-\\u1fbc\\u1fbe" +
  "\\u1fc2-\\u1fc4\\u1fc6-\\u1fcc\\u1fd0-\\u1fd3\\u1fd6-\\u1fdb\\u1fe0-\\u1fec\\u1ff2-\\u1ff4" +
  "\\u1ff6-\\u1ffc\\u2102\\u2107\\u210a-\\u2113\\u2115\\u2119-\\u211d\\u2124\\u2126\\u2128" +
  "\\u212a-\\u212d\\u212f-\\u2134\\u2139\\u213c-\\u213f\\u2145-\\u2149\\u214e\\u2183\\u2184" +
  "\\u2c00-\\u2c7b\\u2c7e-\\u2ce4\\u2ceb-\\u2cee\\u2cf2\\u2cf3\\ua640-\\ua66d\\ua680-\\ua69b" +
  "\\ua722-\\ua76f\\ua771-\\ua787\\ua78b-\\ua78e\\uab70-\\uabbf\\ufb00-\\ufb06\\ufb13-\\ufb17" +
  "\\uff21-\\uff3a\\uff41-\\uff5a\\u{10400}-\\u{1044f}\\u{104b0}-\\u{104d3}" +
  "\\u{104d8}-\\u{104fb}\\u{10c80}-\\u{10cb2}\\u{10cc0}-\\u{10cf2}\\u{118a0}-\\u{118df}" +
  "\\u{1e900}-\\u{1e943}]";
const ASIAN = "[一-鿿㐀-䶿\\u8c48-\\ufaff぀-ゟ゠-ヿ･-ﾟ⼀-⿟เ-๿຀-໿ក-៿က-႟ꩠ-ꩿꧠ-꧿가-힯ᄀ-ᇿ]+";
const EASTERN = `[[\\u0800-\\u9fa5\\uac00-\\ud7ff]--${S}]+`;
const KOREAN_CHINESE = oneOf(
  "[가-힣ㄱ-ㆎ]+",
  "[！…“”‘’—：；，、-〿︰-﹏]+",
  "[ㄅ-ㄯ]+",
  CJK,
);

/** Every way of cutting that cria knows, by the names that share it. */
const RULES: readonly (readonly [names: string, rule: Rule])[] = [
  ["default", { steps: ["[\\p{P}$+<=>^~\\|]+", GPT2, "\\p{N}+", "[0-9]{3}"] }],
  ["falcon", { steps: ["[\\p{P}$+<=>^~\\|`]+", GPT2, "[0-9]{3}"] }],
  [
    "gpt-2 phi-2 mpt olmo jais trillion granite-docling exaone4 jina-es jina-de jina-v1-en " +
    "jina-v2-es jina-v2-de jina-v2-code roberta-bpe gigachat a.x-4.0 mellum modern-bert",
    { steps: [GPT2] },
  ],
  ["starcoder refact command-r smollm codeshell exaone minerva-7b mellum2", { steps: ONE_BY_ONE }],
  ["dbrx smaug-bpe glm4 chatglm-bpe", { steps: [LLAMA3] }],
  [
    "llama-bpe llama3 llama-v3 falcon3 falcon-h1 pixtral midm-2.0 lfm2 jina-v5-nano",
    { steps: [LLAMA3], wholeWords: "all", addBos: "unless told" },
  ],
  [
    "jais-2",
    { steps: [LLAMA3, blanksOf([512, 256, 128, 64, 32, 16, 8, 4, 2, 1])] },
  ],
  [
    "qwen2 deepseek-r1-qwen kormo f2llmv2 megrez stablelm2 hunyuan solar-open grok-2",
    { steps: [QWEN2] },
  ],
  [
    "qwen35",
    {
      steps: [modern(
        "\\p{N}",
        "[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+",
        ` ?[^${S}\\p{L}\\p{M}\\p{N}]+[\\r\\n]*`,
      )],
    },
  ],
  ["ufakzeka", { steps: [oneOf(WORD, "\\p{N}", `${SIGNS}[\\r\\n]*`, LINES, GAP)] }],
  ["laguna", { steps: ["\\n+", QWEN2] }],
  ["minicpm5", { steps: ["\\p{N}{1,3}", modern("\\p{N}+")], wholeWords: "all" }],
  ["seed-coder", { steps: [modern("\\p{N}", WORD, ` ?[^${S}\\p{L}\\p{N}\\r\\n]+`)] }],
  [
    "bailingmoe bailingmoe2 llada-moe",
    { steps: [oneOf(ANY_CASE, WORD, "\\p{N}", `${SIGNS}[\\r\\n]*`, `${S}*[\\r\\n]`, GAP)] },
  ],
  [
    "exaone-moe",
    {
      steps: [oneOf(
        ANY_CASE,
        "[^\\r\\n\\p{L}\\p{N}]?\\p{L}\\p{M}*(?: ?\\p{L}\\p{M}*)*",
        "\\p{N}",
        `${SIGNS}[\\r\\n\\/]?`,
        `${S}*[\\r\\n]`,
        GAP,
      )],
      reach: "line",
    },
  ],
  [
    "deepseek-llm",
    {
      steps: [
        "[\\r\\n]",
        `${S}?${CASED}+`,
        `${S}?[!-\\/:-~！-／：-～‘-‟、-。]+`,
        `(?<!${S})${S}+$`,
        EASTERN,
        "\\p{N}+",
      ],
    },
  ],
  [
    "deepseek-coder",
    { steps: ["[\\r\\n]", `${S}?\\p{L}+`, `${S}?\\p{P}+`, EASTERN, "\\p{N}"] },
  ],
  ["deepseek-v3 hunyuan-dense joyai-llm hy_v4", { steps: DEEPSEEK3 }],
  [
    "spark2_5",
    { steps: ["\\p{N}{1,3}", CJK, signed(" ?[\\p{P}\\p{S}]+", "[\\r\\n]"), "\\p{N}"] },
  ],
  [
    "afmoe",
    {
      steps: [
        groupsOfThree(/\p{N}+/gv, "ends"),
        ASIAN,
        signed(" ?[\\p{P}\\p{S}]+[\\r\\n]*", LINES),
      ],
    },
  ],
  [
    "tekken",
    {
      steps: [oneOf(cased(UPPER, LOWER), "\\p{N}", `${SIGNS}[\\r\\n\\/]*`, LINES, GAP)],
      wholeWords: "all",
      addBos: "unless told",
    },
  ],
  ["gpt-4o llama4 kanana2 talkie minimax-m2", { steps: [CASED_3] }],
  ["granite-embed-multi-97m", { steps: [MARKED_3], wholeWords: "all" }],
  [
    "tiny_aya cohere2moe",
    {
      steps: [
        groupsOfThree(/\p{N}+/gv, "ends"),
        uncased("\\p{N}{1,3}"),
      ],
    },
  ],
  ["youtu", { steps: [KOREAN_CHINESE, uncased("\\p{N}")], wholeWords: "all" }],
  [
    "kimi-k2",
    {
      steps: [oneOf(
        `${HAN}+`,
        `[^\\r\\n\\p{L}\\p{N}]?[\\p{L}--${HAN}]+${ENDING}`,
        "\\p{N}{1,3}",
        `${SIGNS}[\\r\\n]*`,
        LINES,
        GAP,
      )],
    },
  ],
  [
    "superbpe",
    { steps: ["\\p{N}+", groupsOfThree(/[0-9]+/gv, "starts")], reach: "text" },
  ],
  ["poro-chat bloom gpt3-finnish", { steps: [` ?[^\\(${S}\\|.,!?…。，、।۔،\\)]+`] }],
  ["viking", { steps: [` ?[^\\(${S}\\|.,!?…。，、।۔،\\)]+`, "\\p{N}"] }],
  [
    "chameleon",
    {
      steps: [
        "<sentinel:[0-9]+>",
        "IMGIMG[A-I]{1,4}Z",
        "[\\t\\n]|    |  ",
        "\\p{N}",
        `[\\p{P}${ASCII_SIGN}]`,
        GPT2,
      ],
      addBos: "unless told",
    },
  ],
  [
    "gemma4 granite-embed-multi-311m",
    { steps: ["\\n+"], wholeWords: "lines", addBos: "always", blanks: true, reach: "line" },
  ],
  ["sarvam-moe", { steps: ["\\n+"], blanks: true, reach: "line" }],
];

const BY_NAME = new Map(
  RULES.flatMap(([names, rule]) => names.split(" ").map((name) => [name, rule] as const)),
);

/** Every name of a pre-tokenizer that cria knows. */
export const PRE_TOKENIZERS: readonly string[] = [...BY_NAME.keys()];

/** Names of vocabularies that are byte-level BPE with a pre-tokenizer of their own. */
export const BPE_VOCABULARIES: ReadonlyMap<string, string> = new Map([["gemma4", "gemma4"]]);

/** Which special tokens take the white space beside them with them. */
interface Stripping {
  /** The metadata that tells, and what it has in it. */
  readonly key: string;
  readonly value: RegExp;
  readonly side: "left" | "right";
  /** The pieces that do so, or those that do not. */
  readonly only?: readonly string[];
  readonly except?: readonly string[];
}

/** GGUF files have no place to say so: llama.cpp goes by names. */
export const STRIPPING: readonly Stripping[] = [
  { key: "tokenizer.ggml.pre", value: /jina-v2-(de|es|code)/, side: "left", only: ["<mask>"] },
  {
    key: "general.name",
    value: /phi-?3/i,
    side: "right",
    except: ["<unk>", "<s>", "<|endoftext|>"],
  },
  { key: "general.name", value: /modern-bert/i, side: "left", only: ["[MASK]"] },
];

/**
 * The pre-tokenizer of that name.
 *
 * @throws {ModelError} cria does not know it: guessing would give wrong tokens without a word
 */
export function preTokenizer(name: string): PreTokenizer {
  const rule = BY_NAME.get(name);
  if (rule !== undefined) return { ...rule, cutters: rule.steps.map(cutter) };
  const known = PRE_TOKENIZERS.join(", ");
  throw new ModelError(`Cannot tokenize with pre-tokenizer ${quote(name)}: cria knows ${known}`);
}
