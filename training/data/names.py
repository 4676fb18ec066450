"""Other names for the same tool: naming conventions, synonyms and opaque names."""
import re

from training.data.lexicon import NOUNS, VERBS

NAME_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
STYLES = ("snake", "camel", "pascal", "kebab", "dotted", "object_first", "flat")


def words_of(name):
    """setBedroom_light.level -> ['set', 'bedroom', 'light', 'level']."""
    return [w.lower() for w in NAME_WORDS.findall(name)]


def styled(words, style):
    """The words as one identifier."""
    if not words:
        return "x"
    if style == "object_first":
        words = words[1:] + words[:1] if len(words) > 1 and words[0] in VERBS else words
    if style == "camel":
        return words[0] + "".join(w.capitalize() for w in words[1:])
    if style == "pascal":
        return "".join(w.capitalize() for w in words)
    if style == "kebab":
        return "-".join(words)
    if style == "dotted" and len(words) > 1:
        return words[-1] + "." + "_".join(words[:-1]) if words[0] in VERBS else words[0] + "." + "_".join(words[1:])
    if style == "flat":
        return "".join(words)
    return "_".join(words)


def with_synonyms(rng, words, rate, verbs=True):
    """Some words replaced by synonyms; a verb only where it leads."""
    out = []
    for i, w in enumerate(words):
        choices = VERBS.get(w) if verbs and i == 0 and len(words) > 1 else NOUNS.get(w)
        out += rng.choice(choices).split() if choices and rng.random() < rate else [w]
    return out


def opaque_name(rng):
    form = rng.randrange(6)
    letters = "abcdefghijklmnopqrstuvwxyz"
    if form == 0:
        return rng.choice(letters) + str(rng.randint(1, 99))
    if form == 1:
        return f"{rng.choice(('fn', 'op', 'tool', 'action', 'cmd', 'func', 'proc', 'api', 'svc', 'task'))}_{rng.randint(1, 99)}"
    if form == 2:
        return "".join(rng.choice(letters) for _ in range(rng.randint(3, 6)))
    if form == 3:
        return "".join(rng.choice(letters + letters.upper() + "0123456789") for _ in range(rng.randint(5, 9)))
    if form == 4:
        return f"{rng.choice(('do', 'run', 'tool', 'action', 'skill'))}{rng.choice(letters).upper()}"
    return f"{rng.choice(letters)}{rng.choice(letters)}_{rng.randint(0, 9)}"


def opaque_params(rng, count):
    form = rng.randrange(4)
    if form == 0:
        return [f"arg{i + 1}" for i in range(count)]
    if form == 1:
        return list("abcdefghijklmnopqrstuvwxyz"[:count]) if count <= 26 else [f"p{i}" for i in range(count)]
    if form == 2:
        return [f"p{i}" for i in range(count)]
    out = set()
    while len(out) < count:
        out.add(opaque_name(rng))
    out = sorted(out)
    rng.shuffle(out)
    return out
