"""Writes golden.json: small templates, one for each construct, rendered as transformers does.

Made with transformers 5.23.0 and jinja2 3.1.6: python3 tests/chat/make_golden.py > tests/chat/golden.json
The templates are compiled by transformers' own environment; {"error": true} where it refuses.
"""

import json

from transformers.utils.chat_template_utils import _compile_jinja_template

DATA = {
    "s": "Hello, World",
    "u": "Größe 你好 🎉 ß",
    "n": None,
    "t": True,
    "i": 7,
    "f": 2.5,
    "list": [3, 1, 2],
    "words": ["b", "A", "c", "a"],
    "dict": {"b": 1, "a": {"x": [1, 2.5, None, True, "q'\"\n"]}, "items": "key"},
    "rows": [
        {"n": "x", "k": 2, "on": True},
        {"n": "y", "k": 1, "on": False},
        {"n": "Z", "k": 2},
    ],
    "lines": "one\n  two\n\nthree ",
    "nested": [["a", 1], ["b", 2]],
}

# What stands within {{ }}.
EXPRESSIONS = r"""
1 + 2 * 3 - 4
7 // 2 ~ ' ' ~ -7 // 2 ~ ' ' ~ -7 % 3 ~ ' ' ~ 7 / 2 ~ ' ' ~ 4 / 2
2 ** 3 ** 2
2 ** -1
-2 ** 2
1e3 ~ ' ' ~ 1.0 ~ ' ' ~ 1e16 ~ ' ' ~ 1e-5 ~ ' ' ~ 123456789.123 ~ ' ' ~ 1_000 ~ ' ' ~ 0x1f
0.1 + 0.2
1.5e300 * 1e10
i / 0
'a' * 3 ~ [1] * 2
3 * 'ab'
'a' 'b' "c"
'tab\tnew\nq\'\x41\u00e9\U0001F389\101\q'
(1,) ~ (1, 2) ~ () ~ [] ~ {}
1, 2
[1, 'a', none, true, 2.0, {'k': (1,)}]
{'a': 1, 2: 'b', none: 3, 'a': 4}
u
n
t
f
not n ~ ''
(not n) ~ ' ' ~ (not not t)
missing
missing ~ '|'
missing.field
missing()
missing + 1
n.field
n.field.deeper
n + 1
s + 1
[1] + [2]
[1] + (2,)
1 < 2 < 3
1 < 3 < 2
'a' < 'b'
'a' < 1
1 == 1.0 and true == 1
[1, 2] == [1, 2] and {'a': [1]} == {'a': [1]} and (1,) != [1]
none == missing
missing == other
'ell' in s
1 in list and 4 not in list
'a' in dict and 'z' not in dict
'a' in n
'a' in missing
[1] in [[1], 2]
1 and 0 or 'x'
n or 'other'
'' or 0 or []
'yes' if t else 'no'
'yes' if n
'a' if n else 'b' if n else 'c'
s[0] ~ s[-1] ~ s[1:3] ~ s[::-1] ~ s[-3:] ~ s[:-3] ~ s[::2] ~ s[5:1:-2]
u[1] ~ u[-1] ~ u[6:8] ~ u[::-1] ~ u|length
s[100] ~ '|' ~ s[100:]
list[0] ~ list[-1] ~ list[1:] ~ list[::-1] ~ list[:1] ~ list[5:]
list[9] ~ '|'
(1, 2, 3)[::-1]
list[0:3:0]
dict.b ~ dict['b'] ~ dict.a.x[0] ~ dict['a']['x'][1]
dict['items']
dict.items is callable
dict.items() | list
dict.keys() | list ~ dict.values() | list | length
dict.get('b') ~ dict.get('z') ~ dict.get('z', 5)
dict.zzz ~ '|'
dict.update({'c': 1})
list.append(4)
list.index(1) ~ list.count(2)
list.index(99)
s.upper() ~ s.lower() ~ s.title() ~ s.capitalize()
u.upper() ~ u.lower()
"they're bill's friends from the UK".title()
'  x '.strip() ~ '|' ~ '  x '.lstrip() ~ '|' ~ '  x '.rstrip() ~ '|'
'xxaxx'.strip('x') ~ 'abcba'.lstrip('ab') ~ 'abcba'.rstrip('ab')
'\u00a0\u2003x\u200b'.strip() | length
s.startswith('He') ~ s.startswith(('x', 'H')) ~ s.endswith('ld') ~ s.endswith('x')
'a,b,,c'.split(',') ~ 'a,b,,c'.split(',', 1) ~ ' a  b '.split() ~ 'a b  c'.split(None, 1) ~ ''.split() ~ ''.split(',')
'a,b,c'.rsplit(',', 1) ~ 'a'.rsplit(',') ~ 'a,b,c'.rsplit(',') ~ 'a,b'.rsplit(',', 0) ~ 'a,b'.rsplit(',', 5)
'a</t>b</t>c'.split('</t>')[-1] ~ 'a'.split('</t>')[0]
'a'.split('')
lines.splitlines() ~ 'a\r\nb\rc'.splitlines(true)
'aXbXc'.replace('X', '-') ~ 'aXbXc'.replace('X', '-', 1) ~ 'ab'.replace('', '.') ~ 'ab'.replace('', '.', 2)
'aba'.find('b') ~ 'aba'.find('z') ~ 'aba'.rfind('a') ~ 'aba'.index('a', 1) ~ u.find('🎉') ~ 'aXa'.find('a', 1)
'aba'.index('z')
'banana'.count('an') ~ 'banana'.count('')
', '.join(['a', 'b']) ~ '-'.join('abc') ~ ''.join([])
','.join([1])
'12'.isdigit() ~ '1a'.isdigit() ~ ''.isdigit() ~ 'ab'.isalpha() ~ 'a1'.isalnum() ~ ' '.isspace() ~ 'AB'.isupper() ~ 'ab'.islower()
'prefix-x'.removeprefix('prefix-') ~ 'x.txt'.removesuffix('.txt') ~ 'x'.removeprefix('y')
'{} and {} {{x}}'.format(1, 'a')
'{1} {0} {k}'.format('a', 'b', k=3)
'{}'.format()
'%s' % 'one' ~ '%s' % n ~ '%r' % 'q'
'%(a)s' % {'a': 1}
'%s %s' % ('a',)
s.__class__
s.nope() 
list | sort ~ list | sort(reverse=true) ~ words | sort ~ words | sort(case_sensitive=true)
rows | sort(attribute='k') | map(attribute='n') | join(',')
rows | sort(attribute='k,n', reverse=true) | map(attribute='n') | join(',')
[1, 'a'] | sort
[none, none] | sort
list | first ~ list | last ~ list | length ~ list | count ~ list | sum ~ list | min ~ list | max
[] | first ~ '|' ~ [] | max ~ '|' ~ [] | sum
s | first ~ s | last ~ s | length
n | length
list | join ~ list | join('-') ~ rows | join(',', attribute='n') ~ s | join('.')
list | reverse | list ~ s | reverse
words | unique | list ~ words | unique(true) | list
rows | selectattr('on') | map(attribute='n') | list ~ rows | rejectattr('on') | map(attribute='n') | list
rows | selectattr('k', 'equalto', 2) | map(attribute='n') | list ~ rows | rejectattr('k', 'eq', 2) | list | length
rows | selectattr('on', 'defined') | list | length ~ rows | selectattr('k', 'gt', 1) | list | length ~ rows | selectattr('n', 'in', ['x', 'Z']) | list | length
list | select('odd') | list ~ list | reject('gt', 1) | list ~ [0, 1, '', 'a'] | select | list
words | map('upper') | list ~ list | map('string') | join ~ nested | map('first') | join ~ nested | map(attribute=1) | join ~ nested | map(attribute='0') | join
rows | map(attribute='on', default='-') | join(',')
n | selectattr('x') | list ~ n | map('upper') | list
rows | groupby('k') | map('first') | list
rows | groupby('n', case_sensitive=true) | map(attribute='grouper') | list
rows | groupby('k') | map(attribute='list') | map('length') | list
dict | dictsort ~ {'b': 1, 'A': 2} | dictsort ~ {'b': 1, 'A': 2} | dictsort(true) ~ {'b': 1, 'A': 2} | dictsort(by='value')
dict | length ~ dict | list ~ dict | first ~ {'a': 1} | items | list
s | upper ~ s | lower ~ s | title ~ s | capitalize ~ ' x ' | trim ~ 'xax' | trim('x')
"hello-world foo_bar (baz)" | title
s | replace('l', 'L') ~ s | replace('l', 'L', 1) ~ 5 | string ~ list | string
lines | indent ~ '|' ~ lines | indent(2) ~ '|' ~ lines | indent(2, true) ~ '|' ~ lines | indent(2, blank=true) ~ '|' ~ lines | indent('> ', first=true)
'12' | int ~ '1.7' | int ~ 'x' | int ~ 'x' | int(5) ~ 3.9 | int ~ -3.9 | int ~ true | int ~ '1.5' | float ~ 'x' | float ~ 3 | float
-3 | abs ~ 2.5 | abs
missing | default('d') ~ n | default('d') ~ n | default('d', true) ~ '' | d('e', boolean=true) ~ missing | default
'<a href="x">&\'' | e
'<b>' | safe + '<i>'
'<' | escape | upper
s | wordcount ~ ', ' | wordcount ~ '%s is %d, %r%%' % ('a', 3.0, 'b')
'%s-%s' | format('a', 1)
s | nofilter
s is notest
dict | tojson
dict | tojson(indent=2)
dict | tojson(indent=0) ~ [] | tojson(indent=2) ~ {} | tojson(indent=2)
dict | tojson(sort_keys=true) ~ dict | tojson(separators=(',', ':')) ~ dict | tojson(indent=1, separators=(', ', '=')) ~ dict | tojson(indent='--')
u | tojson ~ u | tojson(ensure_ascii=true) ~ '\x00\x1f\x7f\u2028"\\/<' | tojson
[1, 1.0, 1e20, none, true, (1, 2)] | tojson ~ {1: 2, none: 3, true: 4} | tojson
missing | tojson
{'a': missing} | tojson
s is string and i is number and f is float and i is integer and t is boolean and n is none
t is number ~ t is integer ~ f is integer ~ i is float
dict is mapping ~ list is mapping ~ dict is iterable ~ i is iterable ~ n is iterable ~ s is iterable ~ missing is iterable
list is sequence ~ dict is sequence ~ s is sequence ~ i is sequence ~ (1,) is sequence ~ missing is sequence
missing is defined ~ missing is undefined ~ s is defined ~ missing is none ~ dict.zz is defined
i is odd ~ i is even ~ i is divisibleby(7) ~ i is divisibleby 3 ~ i is not odd
i is eq 7 ~ i is ne(7) ~ i is gt 3 ~ i is lt 3 ~ i is ge 7 ~ i is le 6 ~ i is equalto 7 ~ i is in [7] ~ i is sameas 7 ~ n is sameas none
s is lower ~ s is upper ~ 'abc' is lower ~ 'ABC' is upper ~ '' is lower
t is true ~ t is false ~ 1 is true ~ n is false
range is callable ~ s is callable
s is string is defined
range(3) | list ~ range(5, 0, -2) | list ~ range(1, 4) | list ~ range(3) | length
range(1000000)
dict(a=1, b=2) ~ dict({'x': 1}, y=2) ~ dict([['k', 'v']])
namespace(a=1).a
namespace({'a': 5}, b=2).a
namespace(_x=1)
raise_exception('no')
[1, 2,] ~ {'a': 1,} ~ (1, 2,)
{'a': {'b': 'c'}}.a.b
((1 + 2) * 3) | string | length
'a' ~ 1 + 2 ~ 'b'
1 + 2 ~ 'b'
'x' if 1 in [1] else 'y'
not 1 == 2
- i
+i - -i
i | abs + 1
-1 | abs
'A' | lower ~ 'b'
'{} {}'.format(1, 'a') ~ '{0} {1} {0}'.format(1, 'a')
u | list
' 1 2 3 '.split(none, 1)
u.title() ~ u.capitalize()
n[:1] is defined
[1, 2] * true
missing | int
s.split(', ') | map('length') | list
(rows | first).n ~ (rows | last)['n']
rows[0].n ~ rows.0.n
[rows, list] | map('length') | sum
"a" in "abc" and "d" not in "abc"
'' is none ~ 0 is none
1 if true
words | join(', ') | upper | replace('A', 'x') | length
""".strip("\n").split("\n")

# Whole templates.
TEMPLATES = [
    "a\n{% if t %}\nb\n{% endif %}\nc\n",
    "  {% if t %}  \n  x  \n  {%- endif %}\n y \n  {%+ if t +%}\n z{% endif %}",
    "a {{- s -}} b {#- c -#} d\n{# e #}\nf",
    "x\n\n  {%- if t -%}\n\n y {%- endif -%}\n\n z\n",
    "{% raw %}{{ a }} {% if %}{% endraw %}|{%- raw -%} x {% endraw -%} y",
    "\r\na\r\n{{ s }}\rb\n\n",
    "   {{ s }}\n   {# c #}\n   d",
    "{% if n %}1{% elif i > 9 %}2{% elif t %}3{% else %}4{% endif %}",
    "{% for x in list %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}"
    "{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ x }};{% endfor %}",
    "{% for x in list %}{{ loop.previtem }}<{{ x }}>{{ loop.nextitem }}{{ loop.cycle('o', 'e') }}"
    "{{ loop.changed(x > 1) }}{{ loop.depth }}{% endfor %}",
    "{% for x in list if x > 1 %}{{ loop.index }}/{{ loop.length }}:{{ x }} {% else %}none{% endfor %}",
    "{% for x in [] %}{{ x }}{% else %}none{% endfor %}{% for x in missing %}{% else %}void{% endfor %}",
    "{% for x in n %}{% endfor %}",
    "{% for x in i %}{% endfor %}",
    "{% for k, v in dict.items() %}{{ k }}={{ v }};{% endfor %}{% for k in dict %}{{ k }}{% endfor %}",
    "{% for a, b in nested %}{{ a }}{{ b }}{% endfor %}{% for (a, b), c in [[[1, 2], 3]] %}{{ a + b + c }}{% endfor %}",
    "{% for a, b in [[1, 2, 3]] %}{% endfor %}",
    "{% for c in u %}[{{ c }}]{% endfor %}",
    "{% for x in list %}a{% if x == 1 %}b{% continue %}{% endif %}c{{ x }}{% endfor %}",
    "{% for x in list %}a{{ x }}{% if x == 1 %}b{% break %}{% endif %}c{% else %}never{% endfor %}",
    "{% for x in [1, 2] %}{% for y in [1, 2] %}{% if y == 2 %}{% break %}{% endif %}{{ x }}{{ y }}{% endfor %}!{% endfor %}",
    "{% for x in [1, 2] %}{% for y in 'ab' %}{{ loop.index }}{% endfor %}{{ loop.index }}{% endfor %}",
    "{% for x in [[1, [2]], [3]] recursive %}({% for y in x %}{% if y is iterable %}{{ loop(y) if false else y }}"
    "{% else %}{{ y }}{% endif %}{% endfor %}){% endfor %}",
    "{% for x in [{'v': 1, 'c': [{'v': 2, 'c': []}]}] recursive %}{{ loop.depth }}{{ x.v }}{{ loop(x.c) }}{% endfor %}",
    "{% set x = 1 %}{% for y in [1, 2] %}{{ x }}{% set x = x + 1 %}{{ x }}{% endfor %}{{ x }}",
    "{% for y in [1, 2] %}{{ z is defined }}{% set z = 1 %}{% endfor %}{{ z is defined }}",
    "{% set ns = namespace(n=0) %}{% for y in list %}{% set ns.n = ns.n + y %}{% endfor %}{{ ns.n }}{{ ns.q is defined }}",
    "{% set dict.x = 1 %}",
    "{% set ns = namespace() %}{% set ns._a = 1 %}",
    "{% set a, b = 1, 2 %}{{ a }}{{ b }}{% set c = 1, %}{{ c }}",
    "{% set x %}  body {{ s }}\n{% endset %}[{{ x }}]{{ x | length }}",
    "{% set x | upper | trim %} body {% endset %}[{{ x }}]",
    "{% if t %}{% set q = 5 %}{% endif %}{{ q }}",
    "{% macro m(a, b=2, c='x') %}{{ a }}{{ b }}{{ c }}{% endmacro %}{{ m(1) }}{{ m(1, c=3) }}{{ m(1, 5, 6) }}{{ m() }}",
    "{% macro m(a, b=a) %}{{ a }}{{ b }}{% endmacro %}{{ m(1) }}",
    "{% macro m() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, k=3) }}",
    "{% set g = 1 %}{% macro m() %}{{ g }}{% set g = 9 %}{{ g }}{% endmacro %}{{ m() }}{% set g = 2 %}{{ m() }}{{ g }}",
    "{% for x in [1] %}{% macro m() %}{{ x }}{% endmacro %}{{ m() }}{% endfor %}",
    "{% macro f(n) %}{{ n }}{% if n > 0 %}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(3) }}",
    "{% macro m(x) %}[{{ caller('q') }}{{ x }}]{% endmacro %}{% call(z) m(1) %}<{{ z }}>{% endcall %}",
    "{% macro m(xs) %}{{ m2(*xs) }}{{ m2(**{'a': 5, 'b': 6}) }}{% endmacro %}{% macro m2(a, b) %}{{ a }}-{{ b }} {% endmacro %}{{ m([1, 2]) }}",
    "{% macro m() %} x {% endmacro %}{{ m() | trim | upper }}{{ m() | length }}",
    "{% filter upper | replace('A', 'b') %}a{{ s }}{% endfilter %}",
    "{% with a = 1, b = i %}{{ a }}{{ b }}{% endwith %}{{ a is defined }}",
    "{% generation %}x{{ s }}{% endgeneration %}{% generation %}{% set v = 1 %}{% endgeneration %}{{ v is defined }}",
    "a\n  {%- generation -%}\n x {%- endgeneration -%}\n b",
    "{{ {'a': 1}['a'] }}{{ {'a': {'b': 2}} | tojson }}{{ {}}}",
    "{{ '}}' }}{{ '{%' }}{{ \"{{\" }}",
    "{% if dict.a is defined and dict.a.x is sequence and dict.a.x | length > 2 %}y{% endif %}",
    "{% if missing.a %}{% endif %}",
    "{% if t and not n or missing %}y{% endif %}",
    "{%if t%}y{%endif%}{%-if t-%} z {%-endif-%}",
    "{{s}}{{ s|lower|upper }}{{'a'if t else'b'}}",
    "{% if t %}",
    "{% endif %}",
    "{% for x in %}{% endfor %}",
    "{{ 1 + }}",
    "{{ 'a }}",
    "{{ a b }}",
    "{{ (1 }}",
    "{% nope %}",
    "{% set true = 1 %}",
    "{% set x %}",
    "{# never closed",
    "{{ a | }}",
    "{{ [1, 2 }}",
    "{{ a..b }}",
    "{{ f(a=1, 2) }}",
]


def golden(template):
    try:
        return {"template": template, "expected": _compile_jinja_template(template).render(**json.loads(json.dumps(DATA)))}
    except Exception:
        return {"template": template, "error": True}


cases = [golden("{{ %s }}" % one) for one in EXPRESSIONS] + [golden(one) for one in TEMPLATES]
made = "transformers 5.23.0, jinja2 3.1.6: python3 tests/chat/make_golden.py"
print(json.dumps({"made": made, "data": DATA, "cases": cases}, indent=1, ensure_ascii=False))
