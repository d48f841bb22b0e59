"""Little stories, told from the grammar beside this file: `python3 stories.py 5 --seed 1`.

The grammar is text. In `grammar/words.txt` each `== name` begins a table: of words, of places, or
of sentences. The other files hold plots: a plot is a row of beats parted by blank lines, a beat a
list of alternatives that begin with "- ". Within any of them
    {a|b|c}   is one of these,
    <name>    is a fact of this story (its hero, a pronoun) or a row of the table `name`,
    <Name>    is the same with a capital letter.
"""

import argparse
import random
import re
from pathlib import Path

GRAMMAR = Path(__file__).parent / "grammar"
OPENINGS_OF_A_PLOT = 6
SEASONS = ("spring", "summer", "autumn", "winter")
CHOICE = re.compile(r"\{([^{}]*)\}")
TAG = re.compile(r"<(\w+)>")
PRONOUNS = {  # gender: he, him, his, himself
    "m": ("he", "him", "his", "himself"),
    "f": ("she", "her", "her", "herself"),
}


def read_blocks(path):
    """The blocks of a grammar file: a list of (heading, lines), comments left out."""
    blocks = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("== "):
            blocks.append((line[3:].strip(), []))
        elif blocks:
            blocks[-1][1].append(line)
    return blocks


def alternatives(lines):
    """The beats among the lines: a list of lists of alternatives, continued lines joined."""
    beats = [[]]
    for line in lines:
        if not line.strip():
            beats.append([])
        elif line.startswith("- "):
            beats[-1].append(line[2:].strip())
        else:
            beats[-1][-1] += " " + line.strip()
    return [beat for beat in beats if beat]


def read_table(name, lines):
    """One table of words.txt as a list of rows; the heading decides how rows are parted."""
    if lines and lines[0].startswith("- "):
        return alternatives(lines)[0]
    if name == "places" or name in SEASONS:
        return [line for line in lines if line.strip()]
    return [row.strip() for row in " ".join(lines).split(",") if row.strip()]


def read_plots():
    """All plots: a list of (name, pinned season or None, beats)."""
    plots = []
    for path in sorted(GRAMMAR.glob("*.txt")):
        if path.name == "words.txt":
            continue
        for heading, lines in read_blocks(path):
            name, _, season = heading.partition(" ")
            plots.append((name, season or None, alternatives(lines)))
    return plots


TABLES = {name: read_table(name, lines) for name, lines in read_blocks(GRAMMAR / "words.txt")}
PLOTS = read_plots()


class Story:
    """The facts of one story, and the expansion of grammar into its text.

    Who and what a plot is about belongs to the plot, as in a collection of tales; beats, openings
    and the choices in them are drawn anew each time. So small a model learns by heart who is who,
    where it would take a much longer training to look up a name that was told before.
    """

    def __init__(self, rng):
        self.used = set()  # rows that were told already; no story says one twice
        index = rng.randrange(len(PLOTS))
        plot, season, self.beats = PLOTS[index]
        self.rng = random.Random(plot)  # the facts are the plot's
        self.facts = {"season": season or self.rng.choice(SEASONS)}
        gender = "mf"[index % 2]
        other = ("f" if gender == "m" else "m") if self.rng.random() < 0.8 else gender
        heroes = TABLES["boys" if gender == "m" else "girls"]
        friends = TABLES["boys" if other == "m" else "girls"]
        self.cast("hero", "kind", "", gender, heroes[index // 2])
        self.cast("friend", "fkind", "f", other, friends[-1 - index // 2 % (len(friends) // 4)])
        self.facts["helper"], gender = self.pick("helpers").split("/")
        self.pronouns("h", gender)
        self.facts["baker2"] = self.pick("helpers").split("/")[0]
        self.facts["elder"], gender = self.pick("elders").split("/")
        self.pronouns("e", gender)
        place = self.pick("places").split("/")
        spots = self.rng.sample(place[2:], 2)
        self.facts.update(in_place=place[0], wild=place[1], spot=spots[0], spot2=spots[1])
        self.facts["bare"] = self.pick("things")
        self.facts["thing"] = f"{self.pick('colours')} {self.facts['bare']}"
        self.facts["snack"] = self.pick("foods")
        self.facts["trait"] = self.pick("traits")
        self.openings = self.rng.sample(TABLES["openings"], OPENINGS_OF_A_PLOT)
        self.rng = rng

    def cast(self, role, kind, prefix, gender, name):
        """Gives a role its name, its kind (a child or an animal) and its pronouns."""
        self.facts[role] = name
        child = self.rng.random() < 0.35
        what = ("boy" if gender == "m" else "girl") if child else self.pick("animals")
        self.facts[kind] = what
        self.facts[role + "_the"] = f"little {name}" if child else f"{name} the {what}"
        if role == "hero":
            self.facts["hand"] = "hand" if child else "paw"
            self.facts["hands"] = self.facts["hand"] + "s"
        self.pronouns(prefix, gender)

    def pronouns(self, prefix, gender):
        """Sets <he>, <him>, <his> and <himself>, with the role's prefix before each."""
        for name, word in zip(PRONOUNS["m"], PRONOUNS[gender], strict=True):
            self.facts[prefix + name] = word

    def pick(self, table):
        """A row of a table that this story has not used yet."""
        rows = [row for row in TABLES[table] if row not in self.used]
        row = self.rng.choice(rows or TABLES[table])
        self.used.add(row)
        return row

    def word(self, name):
        """What <name> stands for: a fact, a row of a table, or one of the names made of both."""
        if name in self.facts:
            return self.facts[name]
        if name == "weather":
            return self.pick(self.facts["season"])
        if name == "thing_a":
            return f"a {self.pick('colours')} {self.pick('things')}"
        singular = {"food": "foods", "trait": "traits", "colour": "colours"}
        return self.pick(singular.get(name, name))

    def expand(self, text):
        """The text with all its choices and tags replaced."""
        while CHOICE.search(text):
            text = CHOICE.sub(lambda match: self.rng.choice(match[1].split("|")), text)

        def replace(match):
            name = match[1]
            if name[0].islower():
                return self.expand(self.word(name))
            word = self.expand(self.word(name.lower()))
            return word[0].upper() + word[1:]

        return TAG.sub(replace, text)

    def tell(self):
        """The whole story: an opening, the beats of its plot, often a closing sentence."""
        parts = [self.expand(self.rng.choice(self.openings))]
        parts += [self.expand(self.rng.choice(beat)) for beat in self.beats]
        if self.rng.random() < 0.5:
            parts.append(self.expand(self.pick("closings")))
        return polish(" ".join(parts))


def polish(text):
    """Single spaces, capital letters where sentences begin, and "an" before vowels."""
    text = re.sub(r"\s+", " ", text).strip()
    text = re.sub(r"\b([Aa]) (?=[aeiouAEIOU])(?!one\b|uni|use)", r"\1n ", text)
    return re.sub(r"(^|[.!?]\"? (?<![!?]\" )\"?)([a-z])", lambda m: m[1] + m[2].upper(), text)


def stories(count, seed):
    """Yields `count` stories; the same seed tells the same ones."""
    rng = random.Random(seed)
    for _ in range(count):
        yield Story(rng).tell()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Tells stories, one to a paragraph.")
    parser.add_argument("count", type=int)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    print("\n\n".join(stories(options.count, options.seed)))
