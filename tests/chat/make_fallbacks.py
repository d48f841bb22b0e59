"""Writes fallbacks.json: chats as llama.cpp's own templates, which are code, not Jinja, write them.

Made with llama_cpp 0.3.36: python3 tests/chat/make_fallbacks.py > tests/chat/fallbacks.json
"""

import ctypes
import json

import llama_cpp

FORMS = {
    "chatml": "chatml",
    "gemma": "gemma",
    "llama2": "llama2-sys-bos",
    "llama3": "llama3",
    "mistral": "mistral-v3-tekken",
    "phi3": "phi3",
}
CHATS = [
    [("user", "Hi")],
    [("system", "Be brief."), ("user", "Hi")],
    [("user", "Hi"), ("assistant", "Hello!"), ("user", "Größe?\n- 1")],
    [("system", "Be brief."), ("user", "Hi"), ("assistant", "Hello!"), ("user", "Bye")],
]


def render(form, chat, add):
    messages = (llama_cpp.llama_chat_message * len(chat))()
    for message, (role, content) in zip(messages, chat):
        message.role, message.content = role.encode(), content.encode()
    out = ctypes.create_string_buffer(1 << 16)
    size = llama_cpp.llama_chat_apply_template(
        form.encode(), messages, len(chat), add, out, 1 << 16
    )
    return out.raw[:size].decode()


cases = [
    {
        "form": form,
        "messages": [{"role": role, "content": content} for role, content in chat],
        "addGenerationPrompt": add,
        "expected": render(theirs, chat, add),
    }
    for form, theirs in FORMS.items()
    for chat in CHATS
    for add in (True, False)
]
made = "llama_cpp 0.3.36: python3 tests/chat/make_fallbacks.py"
print(json.dumps({"made": made, "cases": cases}, indent=2, ensure_ascii=False))
