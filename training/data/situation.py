"""A situation: a pool of tools (an app and some others) and queries that see parts of it."""
from dataclasses import dataclass, field

from training.data.noise import add_noise


@dataclass
class Ask:
    """One query. `calls`: (index of the tool in the pool, arguments under the author's names)."""
    query: str
    calls: list
    kind: str
    source: str
    lang: str = "en"
    blocked: frozenset = frozenset()  # tools of the pool that must not be visible: they might fit too
    careful: bool = False             # no noise but case
    near: int = -1                    # the tool that the query nearly fits: mostly visible


@dataclass
class Example:
    """A finished example over the tools of its situation."""
    query: str
    calls: list        # [{"name", "arguments"}] in the names of the dressed tools
    gold: list         # indices of the called tools
    visible: list      # indices of the tools that the query sees
    kind: str
    source: str
    lang: str


@dataclass
class Situation:
    dressed: list                  # Dressed tools
    asks: object                   # iterator of Ask
    examples: list = field(default_factory=list)


def visible_count(rng, most, refused):
    """How many tools a query sees: 1 often (seldom where none of them fits), up to all of them."""
    form = rng.random()
    if refused and form < 0.12:
        form = rng.random()
    if form < 0.12:
        count = 1
    elif form < 0.28:
        count = rng.randint(2, 4)
    elif form < 0.54:
        count = rng.randint(4, 8)
    else:
        count = rng.randint(max(6, most // 2), max(12, most))
    return min(count, most)


def finish(rng, ask, dressed):
    """The Ask as an Example: renamed, noisy, with its visible tools; None when it cannot be asked."""
    calls = [{"name": dressed[i].tool["name"], "arguments": dressed[i].arguments(a)} for i, a in ask.calls]
    gold = sorted({i for i, _ in ask.calls})
    schemas = {dressed[i].tool["name"]: dressed[i].tool["parameters"] for i in gold}
    query, calls = add_noise(rng, ask.query, calls, schemas, ask.lang, ask.careful)
    others = [i for i in range(len(dressed)) if i not in gold and i not in ask.blocked]
    count = max(visible_count(rng, len(gold) + len(others), not calls), len(gold))
    if count - len(gold) > len(others) or count == 0:
        return None
    chosen = rng.sample(others, count - len(gold))
    if ask.near in others and ask.near not in chosen and rng.random() < 0.7:
        chosen[0] = ask.near
    visible = sorted(gold + chosen)
    kind = "none" if not calls and ask.kind == "plain" else ask.kind
    if calls and any(v is None for c in calls for v in c["arguments"].values()):
        kind = "missing" if kind == "plain" else kind
    return Example(query, calls, gold, visible, kind, ask.source, ask.lang)
