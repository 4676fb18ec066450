"""Situations from cards and scenes."""
import re

from training.data.alias import draw_alias, plain_nouns, scene_alias
from training.data.asks import ASKED_AGAIN, CardAsks
from training.data.dress import draw_style, dress_tool, make_pushy
from training.data.situation import Ask, Situation
from training.data.vary import vary
from training.render import tool_text

CHARS_PER_PIECE = 3.3
LARGE = 16        # pools of more tools are catalogues of short ones
SHORT_TOOL = 42   # pieces


class SlotValues:
    """The listed values of free-string slots by slot name, over all cards."""

    def __init__(self, library):
        self.by_name = {}
        for i in library.card_ids:
            card = library.entries[i].card
            properties = card.tool["parameters"]["properties"]
            fillers = {(s, f.text): f for u in card.utterances if u.lang == "en" for s, f in u.fillers.items()}
            for (slot, _), filler in fillers.items():
                if filler.kind == "list" and properties.get(slot, {}).get("type") == "string" and "enum" not in properties[slot]:
                    self.by_name.setdefault(slot, set()).update(s for s, _ in filler.items if len(s) > 3 and re.search(r"[a-z]{3}", s))
        self.by_name = {k: sorted(v) for k, v in self.by_name.items()}

    def like(self, rng, slot, old):
        """A value of a like-named slot that looks like the text `old`; None when there is none."""
        values = self.by_name.get(slot, ())
        if len(values) < 30:
            return None
        value = rng.choice(values)
        same = len(value.split()) <= len(old.split()) + 1 and value[0].isupper() == old[0].isupper() and value != old
        return value if same else None

    def draw(self, rng, slot, filler):
        """A value of a like-named slot that looks like this filler's values; None when there is none."""
        values = self.by_name.get(slot, ())
        if len(values) < 30:
            return None
        own = [s for s, _ in filler.items]
        value = rng.choice(values)
        words = max(len(s.split()) for s in own)
        fits = len(value.split()) <= words and (value[0].isupper() == own[0][:1].isupper()) and any(re.search("[a-z]{3}", s) for s in own)
        return value if fits else None


def pool_size(rng):
    form = rng.random()
    if form < 0.05:
        return 1
    if form < 0.14:
        return rng.randint(2, 3)
    if form < 0.36:
        return rng.randint(4, 6)
    if form < 0.66:
        return rng.randint(7, 10)
    if form < 0.81:
        return rng.randint(11, 16)
    return rng.randint(17, 30)


def estimated_pieces(tool):
    return len(tool_text(tool)) / CHARS_PER_PIECE + 4


class CardPools:
    """Draws pools of cards: tools of one author's domain, and others that are no twins of them."""

    def __init__(self, library, corpus, aliased=0.0):
        """aliased: share of the pools whose things have other names."""
        self.library, self.aliased = library, aliased
        self.values = SlotValues(library)
        self.nouns = plain_nouns(corpus)
        self.short = {i for i in library.card_ids if estimated_pieces(library.entries[i].tool) < SHORT_TOOL}

    def _choose(self, rng, size):
        """Entry ids, the first from one cluster."""
        library = self.library
        anchor = rng.choice(library.card_ids)
        mates = [i for i in library.clusters[library.entries[anchor].cluster] if i != anchor]
        rng.shuffle(mates)
        share = rng.choice((0.3, 0.6, 0.9, 1.0))
        wanted = [anchor] + mates[:max(0, round(size * share) - 1)]
        chosen = []
        for _ in range(4 * size):
            i = wanted.pop(0) if wanted else rng.choice(library.card_ids)
            if size > LARGE and i not in self.short:
                continue
            if i not in chosen and not any(library.twins(i, j) for j in chosen):
                chosen.append(i)
            if len(chosen) == size:
                break
        return chosen

    def situation(self, rng, budget):
        """A Situation whose tools take about `budget` pieces at most; None when not even one fits."""
        size = pool_size(rng)
        terse = size > 10
        budget *= 1.2 if size > LARGE else 1
        ids = self._choose(rng, size)
        rng.shuffle(ids)
        style = draw_style(rng, terse)
        budget *= 0.65 if style.examples else 1  # the examples come on top
        cards = {i: self.library.entries[i].card for i in ids}
        alias = draw_alias(rng, cards.values(), self.nouns) if rng.random() < self.aliased else None
        if alias:
            cards = {i: alias.card(card) for i, card in cards.items()}
        taken, dressed, kept = set(), [], []
        for i in ids:
            d = dress_tool(rng, cards[i].tool, style, taken)
            budget -= estimated_pieces(d.tool)
            if budget < 0:
                break
            dressed.append(d)
            kept.append(i)
        if not kept:
            return None
        asks = CardAsks(self.library, kept, [cards[i] for i in kept], dressed, self.values, alias)
        if style.examples:
            asks.show_examples(rng)
        if rng.random() < 0.02:
            make_pushy(rng, dressed)
        return Situation(dressed, asks.draws(rng))


class ScenePools:
    """Whole scenes: their tools in other clothes, their cases with other values."""

    def __init__(self, library, corpus, varied=0.0, aliased=0.0):
        """varied: share of the cases whose copied values change; aliased: of the scenes whose things have other names."""
        self.library, self.varied, self.aliased = library, varied, aliased
        self.nouns = plain_nouns(corpus)
        self.values = SlotValues(library)

    def situation(self, rng, budget):
        record, ids = rng.choice(self.library.scenes)
        style = draw_style(rng)
        tools, cases = record["tools"], record["cases"]
        alias = scene_alias(rng, record, self.nouns) if rng.random() < self.aliased else None
        if alias:
            tools = [alias.tool(t) for t in tools]
            cases = [{**c, "q": alias.text(c["q"])} for c in cases if c.get("lang", "en") == "en"]
        taken = set()
        dressed = [dress_tool(rng, t, style, taken) for t in tools]
        while sum(estimated_pieces(d.tool) for d in dressed) > budget:
            dressed.pop()
            if not dressed:
                return None
        # Tools beyond the scene's own are not added: a refused case might fit them.
        index = {t["name"]: p for p, t in enumerate(record["tools"][:len(dressed)])}
        cases = [c for c in cases if all(a["name"] in index for a in c["a"])]
        rng.shuffle(cases)
        if style.examples:
            cases = self._show_examples(rng, cases, index, dressed)
        if rng.random() < 0.02:
            make_pushy(rng, dressed)
        original = alias.original if alias else lambda query: query
        return Situation(dressed, self._asks(rng, cases, index, ids, original))

    def _asks(self, rng, cases, index, ids, original):
        for case in cases:
            calls = [(index[a["name"]], a["arguments"]) for a in case["a"]]
            query = case["q"]
            careful = case["k"] in ("adversarial", "correction", "negation") or '"' in case["q"]
            if not careful and case.get("lang", "en") == "en" and rng.random() < self.varied:
                schemas = {p: self.library.entries[ids[p]].tool["parameters"] for p, _ in calls}
                query, calls = vary(rng, query, calls, schemas, self.values.like)
            yield Ask(query, calls, case["k"], "scenes", case.get("lang", "en"), careful=careful)
            if len(calls) == 1 and case["k"] in ("plain", "confusable") and rng.random() < 0.03:
                gold = ids[calls[0][0]]
                close = frozenset(p for p in index.values() if p == calls[0][0] or self.library.alike(gold, ids[p]) > 0.3
                                  or self.library.query_overlap(original(case["q"]), ids[p]) > 0.5)
                yield Ask(case["q"], [], "removed", "scenes", case.get("lang", "en"), blocked=close, careful=careful)

    @staticmethod
    def _show_examples(rng, cases, index, dressed):
        rest, shown = [], {}
        for c in cases:
            p = index[c["a"][0]["name"]] if len(c["a"]) == 1 and c["k"] in ("plain", "confusable") else None
            if p is not None and len(shown.setdefault(p, [])) < 2 and rng.random() < 0.6:
                shown[p].append(c["q"])
                if rng.random() >= ASKED_AGAIN:
                    continue
            rest.append(c)
        for p, queries in shown.items():
            if queries:
                dressed[p].tool["examples"] = queries
        return rest
