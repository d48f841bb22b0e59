# What llama.cpp's samplers leave of logits, and what mirostat learns. Run:
#   pip install llama-cpp-python==0.3.36 numpy
#   python3 tests/sampling/make_golden.py > tests/sampling/golden.json && deno fmt tests/sampling
import ctypes
import json
import os

import llama_cpp.llama_cpp as llama
import numpy as np

MODEL = f"{os.path.dirname(os.path.abspath(__file__))}/../../models/story.gguf"
SIZE = 120


def uniforms(seed):
    """Lehmer's generator: the same doubles as in golden_test.ts."""
    state = seed
    while True:
        state = state * 48271 % 0x7FFFFFFF
        yield state / 0x7FFFFFFF


def logits_of(seed, size):
    """Sums of three uniforms, stretched: a few high ones in a crowd, some of them equal."""
    random = uniforms(seed)
    out = [12 * (next(random) + next(random) + next(random) - 1.5) for _ in range(size)]
    return np.array([round(x) if i % 9 == 0 else x for i, x in enumerate(out)], np.float32)


class Candidates:
    def __init__(self, logits):
        self.data = (llama.llama_token_data * len(logits))()
        for token, logit in enumerate(logits):
            self.data[token] = llama.llama_token_data(token, float(logit), 0.0)
        self.array = llama.llama_token_data_array(self.data, len(logits), -1, False)

    def apply(self, sampler):
        llama.llama_sampler_apply(sampler, ctypes.byref(self.array))

    def left(self):
        """Token ids and logits; -Infinity is left out."""
        rows = [self.array.data[i] for i in range(self.array.size)]
        return [(row.id, row.logit) for row in rows if row.logit > -np.inf]


def joined(values):
    """A list in one line: the formatter gives each number of an array its own."""
    return " ".join(map(str, values))


def distribution(candidates):
    """The tokens that are left in ascending order, and their probabilities."""
    left = sorted(candidates.left())
    logits = np.array([logit for _, logit in left], np.float64)
    weights = np.exp(logits - logits.max())
    return {
        "tokens": joined(token for token, _ in left),
        "probabilities": joined(f"{p:.6g}" for p in weights / weights.sum()),
    }


INIT = {  # by our names: the option's value, and what else it takes
    "topK": lambda o: llama.llama_sampler_init_top_k(o["topK"]),
    "topP": lambda o: llama.llama_sampler_init_top_p(o["topP"], o.get("minKeep", 0)),
    "minP": lambda o: llama.llama_sampler_init_min_p(o["minP"], o.get("minKeep", 0)),
    "typicalP": lambda o: llama.llama_sampler_init_typical(o["typicalP"], o.get("minKeep", 0)),
    "topNSigma": lambda o: llama.llama_sampler_init_top_n_sigma(o["topNSigma"]),
    "xtc": lambda o: llama.llama_sampler_init_xtc(1.0, o["xtcThreshold"], o.get("minKeep", 0), 1),
    "temperature": lambda o: llama.llama_sampler_init_temp_ext(
        o["temperature"], o.get("dynatempRange", 0.0), o.get("dynatempExponent", 1.0)),
}

CHAINS = [
    *[{"order": ["typicalP"], "typicalP": p} for p in (0.05, 0.2, 0.5, 0.9, 0.99, 0.9999)],
    *[{"order": ["typicalP"], "typicalP": 0.1, "minKeep": n} for n in (1, 5, 50)],
    *[{"order": ["topNSigma"], "topNSigma": n} for n in (0.25, 0.5, 1.0, 1.5, 3.0)],
    *[{"order": ["xtc"], "xtcProbability": 1, "xtcThreshold": t} for t in (0.02, 0.05, 0.1, 0.2)],
    *[{"order": ["xtc"], "xtcProbability": 1, "xtcThreshold": 0.02, "minKeep": n}
      for n in (3, 118, 120)],
    *[{"order": ["topP"], "topP": 0.3, "minKeep": n} for n in (0, 4, 50)],
    *[{"order": ["minP"], "minP": 0.4, "minKeep": n} for n in (0, 4, 50)],
    *[{"order": ["topK", "temperature"], "topK": 40, "temperature": t, "dynatempRange": r,
       "dynatempExponent": e}
      for t, r, e in ((1.0, 0.5, 1.0), (1.0, 0.5, 2.0), (0.3, 0.7, 0.5), (2.0, 1.0, 1.0))],
    {"order": ["temperature"], "temperature": 0.8, "dynatempRange": 0.6, "dynatempExponent": 1.5},
    {"order": ["topNSigma", "topK", "typicalP", "topP", "minP", "xtc", "temperature"],
     "topNSigma": 2.0, "topK": 30, "typicalP": 0.95, "topP": 0.9, "minP": 0.05,
     "xtcProbability": 1, "xtcThreshold": 0.1, "temperature": 0.7},
    {"order": ["temperature", "topP", "typicalP"], "temperature": 1.5, "topP": 0.8,
     "typicalP": 0.6},
]


def chain_case(index, options):
    seed = 11 + index
    candidates = Candidates(logits_of(seed, SIZE))
    for name in options["order"]:
        candidates.apply(INIT[name](options))
    return {"seed": seed, "options": options, **distribution(candidates)}


def mirostat_case(version, tau, eta, temperature, seed):
    """Twelve tokens: what was left, which was chosen, how likely it was, mu after it."""
    if version == 1:
        sampler, offset = llama.llama_sampler_init_mirostat(SIZE, seed, tau, eta, 100), 24
    else:
        sampler, offset = llama.llama_sampler_init_mirostat_v2(seed, tau, eta), 16
    mu = ctypes.c_float.from_address(sampler.contents.ctx + offset)
    assert abs(mu.value - 2 * tau) < 1e-6, mu.value
    heat = llama.llama_sampler_init_temp(temperature)
    steps = []
    for step in range(12):
        candidates = Candidates(logits_of(seed + step, SIZE))
        candidates.apply(heat)
        candidates.apply(sampler)
        chosen = candidates.array.data[candidates.array.selected]
        left = candidates.array.size
        steps.append(f"{left} {chosen.id} {chosen.p:.7g} {mu.value:.7g}")
    return {"seed": seed, "options": {
        "mirostat": version, "mirostatTau": tau, "mirostatEta": eta, "temperature": temperature,
    }, "steps": steps}


def dry_case(vocab, options, text, breakers):
    """Which tokens lose how much behind a text of tokens."""
    strings = (ctypes.c_char_p * 8)(*[one.encode() for one in breakers])
    last = 4096 if options["dryPenaltyLastN"] < 0 else options["dryPenaltyLastN"]
    sampler = llama.llama_sampler_init_dry(
        vocab, options["dryMultiplier"], options["dryBase"], options["dryAllowedLength"], last,
        strings, len(breakers))
    for token in text:
        llama.llama_sampler_accept(sampler, token)
    candidates = Candidates(np.zeros(llama.llama_vocab_n_tokens(vocab), np.float32))
    candidates.apply(sampler)
    lost = sorted((token, f"{-logit:.7g}") for token, logit in candidates.left() if logit)
    return {"options": options, "lost": joined(joined(pair) for pair in lost)}


def dry_cases():
    llama.llama_backend_init()
    params = llama.llama_model_default_params()
    params.vocab_only = True
    vocab = llama.llama_model_get_vocab(llama.llama_model_load_from_file(MODEL.encode(), params))

    def tokens_of(text):
        room = (llama.llama_token * 512)()
        data = text.encode()
        return list(room[:llama.llama_tokenize(vocab, data, len(data), room, 512, False, False)])

    random = uniforms(5)
    few = tokens_of(" a b c")[:3]
    noise = [few[int(next(random) * len(few))] for _ in range(120)]
    story = tokens_of("The cat sat. The dog ran.\nTom said: \"The cat sat on the mat.\" The cat sat")
    plain = {"dryMultiplier": 0.8, "dryBase": 1.75, "dryAllowedLength": 2, "dryPenaltyLastN": -1}
    usual = ["\n", ":", "\"", "*"]
    cases = []
    for text, breakers in [
        (noise, []), (noise[:60], []), (noise[:7] * 9, []), ([few[0]] * 40, []),
        (story, []), (story, usual), (story, ["cat s"]), (story, [" dog", "ran"]),
        (story * 2, ["The"]), (story, ["."]), (story * 2, ["mat.\" Th"]), (few[:1], []), ([], []),
    ]:
        changes = ({}, {"dryAllowedLength": 4, "dryMultiplier": 1.5}, {"dryPenaltyLastN": 13},
                   {"dryBase": 1.1, "dryAllowedLength": 1})
        runs = [dry_case(vocab, {**plain, **change}, text, breakers) for change in changes]
        cases.append({"text": joined(text), "breakers": breakers, "runs": runs})
    return cases


print(json.dumps({
    "chains": [chain_case(i, options) for i, options in enumerate(CHAINS)],
    "mirostat": [mirostat_case(*case) for case in (
        (1, 3.0, 0.1, 1.0, 31), (1, 5.0, 0.3, 1.0, 47), (1, 1.0, 0.5, 0.8, 59),
        (2, 3.0, 0.1, 1.0, 31), (2, 5.0, 0.3, 1.0, 47), (2, 1.0, 0.5, 1.4, 59),
    )],
    "dry": dry_cases(),
}, indent=2))
