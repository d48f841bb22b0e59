"""Lets llama.cpp tell stories with the trained model: `python3 sample.py story.gguf 5`."""

import argparse

from llama_cpp import Llama

LIMIT = 400  # tokens; a story that is longer than this counts as one that does not end


def tell(model, prompt, temperature, seed):
    """One story as (text, tokens, whether it ended)."""
    prompt_tokens = model.tokenize(prompt.encode(), add_bos=True)
    answer = model.create_completion(
        prompt_tokens, max_tokens=LIMIT, temperature=temperature, seed=seed,
        top_k=0, top_p=1.0, min_p=0.0, repeat_penalty=1.0,
    )
    text = (prompt + answer["choices"][0]["text"]).strip()
    ended = answer["choices"][0]["finish_reason"] == "stop"
    return text, answer["usage"]["completion_tokens"], ended


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Tells stories, one to a paragraph.")
    parser.add_argument("path")
    parser.add_argument("count", type=int)
    parser.add_argument("--prompt", default="Once upon a time")
    parser.add_argument("--temperature", type=float, default=0.8)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    llama = Llama(options.path, n_ctx=512, n_threads=1, verbose=False)
    for seed in range(options.seed, options.seed + options.count):
        story, count, done = tell(llama, options.prompt, options.temperature, seed)
        print(f"{story}\n({count} tokens, {'ended' if done else 'cut off'}, seed {seed})\n")
