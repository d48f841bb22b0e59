"""Writes tool_calls.json: calls of tools as chat templates of many families write them.

Made with transformers 5.23.0 and jinja2 3.1.6:
python3 tests/chat/make_tool_calls.py > tests/chat/tool_calls.json
Each template is reduced to what it does with an assistant's message that has calls, as the
published ones do it; transformers' own environment renders it.
"""

import json

from transformers.utils.chat_template_utils import _compile_jinja_template

LOOP = "{%- for m in messages if m.role == 'assistant' -%}{% if m.content %}{{ m.content }}{% endif %}"
END = "{%- endfor -%}{# tools #}"

# The form, the template, how many calls it can write, and whether arguments are text.
TEMPLATES = [
    ("hermes",
     "{%- for c in m.tool_calls -%}{{ '\\n<tool_call>\\n{\"name\": \"' }}{{- c.function.name }}"
     "{{- '\", \"arguments\": ' }}{{- c.function.arguments | tojson }}{{- '}\\n</tool_call>' }}"
     "{%- endfor -%}", 3, False),
    ("hermes",  # Granite 4
     "{%- for c in m.tool_calls -%}{%- if loop.index > 1 or m.content %}{{- '\\n' }}{%- endif %}"
     "{{- '<tool_call>\\n' + c.function | tojson + '\\n</tool_call>' }}{%- endfor -%}", 3, False),
    ("hermes list",
     "{{- '<tool_call>[' }}{%- for c in m.tool_calls -%}{{ c.function | tojson }}"
     "{{- ', ' if not loop.last }}{%- endfor -%}{{- ']</tool_call>' }}", 3, False),
    ("mistral list",
     "{{- '[TOOL_CALLS][' }}{%- for c in m.tool_calls %}{%- set out = c.function|tojson %}"
     "{{- out[:-1] }}{{- ', \"id\": \"' + c.id + '\"}' }}{{- ', ' if not loop.last else ']' }}"
     "{%- endfor -%}", 3, False),
    ("mistral list",
     "{{- '[TOOL_CALLS] [' }}{%- for c in m.tool_calls %}{%- set out = c.function|tojson %}"
     "{{- out[:-1] }}{{- ', \"id\": \"' + c.id[-9:] + '\"}' }}{{- ', ' if not loop.last else ']' }}"
     "{%- endfor -%}", 3, False),
    ("mistral named",
     "{%- for c in m.tool_calls %}"
     "{{- '[TOOL_CALLS]' + c.function.name + '[ARGS]' + c.function.arguments|tojson|safe }}"
     "{%- endfor -%}", 3, False),
    ("mistral named",
     "{%- for c in m.tool_calls %}{{- '[TOOL_CALLS]' + c.function.name }}{{- '[CALL_ID]' + c.id }}"
     "{{- '[ARGS]' + c.function.arguments|tojson }}{%- endfor -%}", 3, False),
    ("phi",
     "{%- for c in m.tool_calls -%}"
     "{{- '<|tool_call|>' + (c['function'] | tojson) + '<|/tool_call|>' -}}{%- endfor -%}", 3, False),
    ("tags",
     "{%- for c in m.tool_calls -%}{%- set t = c.function %}{%- if m.content or not loop.first %}"
     "{{- '\\n' }}{%- endif %}{{- '<tool_call>\\n<function=' + t.name + '>\\n' }}"
     "{%- for args_name, args_value in t.arguments|items %}{{- '<parameter=' + args_name + '>\\n' }}"
     "{%- set args_value = args_value | tojson | safe if args_value is mapping or "
     "(args_value is sequence and args_value is not string) else args_value | string %}"
     "{{- args_value }}{{- '\\n</parameter>\\n' }}{%- endfor %}{{- '</function>\\n</tool_call>' }}"
     "{%- endfor -%}", 3, False),
    ("granite",
     "{{- '<|tool_call|>' + m['tool_calls']|map(attribute='function')|list|tojson(indent=4) }}",
     3, False),
    ("deepseek fenced",
     "{%- for tool in m['tool_calls']-%}{%- if loop.first -%}"
     "{{'<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>' + tool['type'] + '<｜tool▁sep｜>' + "
     "tool['function']['name'] + '\\n' + '```json' + '\\n' + tool['function']['arguments'] + '\\n' + "
     "'```' + '<｜tool▁call▁end｜>'}}{%- else -%}"
     "{{'\\n' + '<｜tool▁call▁begin｜>' + tool['type'] + '<｜tool▁sep｜>' + tool['function']['name'] + "
     "'\\n' + '```json' + '\\n' + tool['function']['arguments'] + '\\n' + '```' + "
     "'<｜tool▁call▁end｜>'}}{%- endif -%}{%- endfor -%}{{'<｜tool▁calls▁end｜>'}}", 3, True),
    ("deepseek",
     "{{- '<｜tool▁calls▁begin｜>' }}{%- for tool in m['tool_calls'] -%}"
     "{{'<｜tool▁call▁begin｜>'+ tool['function']['name'] + '<｜tool▁sep｜>' + "
     "tool['function']['arguments'] + '<｜tool▁call▁end｜>'}}{%- endfor -%}"
     "{{'<｜tool▁calls▁end｜>'}}", 3, True),
    ("nemotron",
     "{{- '<TOOLCALL>[' -}}{%- for call in m.tool_calls -%}"
     "{{- '{\"name\": \"' + call.function.name + '\", \"arguments\": ' -}}"
     "{{- call.function.arguments | tojson -}}{{- '}' + (', ' if not loop.last else '') -}}"
     "{%- endfor -%}{{- ']</TOOLCALL>' -}}", 3, False),
    ("command",
     "{{- '<|START_ACTION|>[\\n' }}{%- for tc in m.tool_calls %}"
     "{{- '    {\"tool_call_id\": \"' + loop.index0|string + '\", \"tool_name\": \"' + tc.function.name"
     " + '\", \"parameters\": ' + tc.function.arguments|tojson + '}' }}"
     "{{- ',\\n' if not loop.last else '\\n' }}{%- endfor %}{{- ']<|END_ACTION|>' }}", 3, False),
    ("llama",
     "{#- ipython #}{%- set tool_call = m.tool_calls[0].function %}"
     "{{- '{\"name\": \"' + tool_call.name + '\", ' }}{{- '\"parameters\": ' }}"
     "{{- tool_call.arguments | tojson }}{{- \"}\" }}", 1, False),
]

CALLS = [
    ("get_weather", {"city": "Zürich", "days": 3}),
    ("now", {}),
    ("note", {"text": "a \"quote\", a \\ and a }\n</tool_call> ]<|/tool_call|> 你好", "tags": [{"a": None}]}),
]

CONTENTS = ["", "Let me see."]

rows = []
for name, body, most, as_text in TEMPLATES:
    template = _compile_jinja_template(LOOP + body + END)
    for content in CONTENTS:
        if name == "llama" and content:
            continue  # its template writes no text beside a call
        for chosen in ([CALLS[0]], [CALLS[1]], [CALLS[2]], CALLS)[: 4 if most > 1 else 3]:
            calls = [
                {
                    "id": f"call0000{index + 1}",
                    "type": "function",
                    "function": {
                        "name": called,
                        "arguments": json.dumps(given) if as_text else given,
                    },
                }
                for index, (called, given) in enumerate(chosen)
            ]
            message = {"role": "assistant", "content": content, "tool_calls": calls}
            rows.append({
                "format": name,
                "template": LOOP + body + END,
                "content": content,
                "calls": [{"name": called, "arguments": given} for called, given in chosen],
                "text": template.render(messages=[message], tools=[]),
            })

print(json.dumps(rows, ensure_ascii=False, indent=2))
