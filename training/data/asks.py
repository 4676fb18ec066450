"""Queries over a pool of cards: plain, joined, corrected, refused, with odd values."""
import re

from training.data import lexicon
from training.data.cards import SLOT, fill
from training.data.situation import Ask
from training.schema import types_of

_TEXTUAL = re.compile(r"text|message|note|title|query|content|body|search|term|caption|comment|label|name|subject|phrase|word|q$")
# A tool that knows more of a refused query's words (by IDF weight) is not shown with it.
REFUSAL_OVERLAP, NEIGHBOUR_OVERLAP = 0.30, 0.08
ASKED_AGAIN = 0.15  # of the draws may ask a wording that its tool shows as an example, so that examples count


class CardAsks:
    """Draws asks for the entries `ids` of a library; `dressed` are the tools as shown."""

    def __init__(self, library, ids, cards, dressed, values, alias=None):
        """cards: those of `ids`, in the words of `alias` where there is one."""
        self.library, self.ids, self.cards, self.dressed, self.values = library, ids, cards, dressed, values
        self.original = alias.original if alias else lambda query: query
        self.own = range(len(cards))
        self.banned = [set() for _ in ids]  # utterances that are shown as examples of the tool

    def show_examples(self, rng):
        """A few wordings of each card as its `examples`; they are rarely asked in this situation."""
        for p in self.own:
            card = self.cards[p]
            english = [i for i, u in enumerate(card.utterances) if u.lang == "en" and not u.missing]
            if len(english) < 4 or rng.random() < 0.2:
                continue
            chosen = rng.sample(english, rng.randint(1, min(4, len(english) - 2)))
            self.banned[p].update(chosen)
            self.dressed[p].tool["examples"] = [fill(card.utterances[i], card.tool["parameters"], rng)[0] for i in chosen]

    def draws(self, rng):
        """An endless iterator of asks (None where a draw failed)."""
        forms = ((0.56, self.plain), (0.75, self.joined), (0.79, self.elided), (0.84, self.miss), (0.86, self.removed),
                 (0.88, self.foreign), (0.92, self.corrected), (0.98, self.odd), (1.0, self.negated))
        while True:
            x = rng.random()
            yield next(f for limit, f in forms if x < limit)(rng)

    # ------------------------------------------------------------------ one card

    def _utterance(self, rng, p, accept=lambda u: True):
        banned = () if rng.random() < ASKED_AGAIN else self.banned[p]
        choices = [u for i, u in enumerate(self.cards[p].utterances) if i not in banned and accept(u)]
        return rng.choice(choices) if choices else None

    def _find(self, rng, accept):
        """(card, utterance) of some card of the pool with an utterance that `accept(p, u)` takes; (0, None) without one."""
        for p in rng.sample(self.own, len(self.own)):
            utterance = self._utterance(rng, p, lambda u: accept(p, u))
            if utterance:
                return p, utterance
        return 0, None

    def _fill(self, rng, p, utterance, draw=None):
        schema = self.cards[p].tool["parameters"]
        return fill(utterance, schema, rng, draw or self._draw(rng, utterance))

    def _draw(self, rng, utterance):
        """The filler's own values; for free texts sometimes the values of a like-named slot of another card."""
        def draw(slot, filler, schema, words):
            if filler.kind == "list" and "string" in types_of(schema) and "enum" not in schema and utterance.lang == "en":
                if rng.random() < 0.25:
                    other = self.values.draw(rng, slot, filler)
                    if other:
                        return other, other
            return filler.draw(rng, schema, words, utterance.lang)
        return draw

    def plain(self, rng):
        p = rng.choice(self.own)
        utterance = self._utterance(rng, p)
        if utterance is None:
            return None
        query, arguments = self._fill(rng, p, utterance)
        return Ask(query, [(p, arguments)], "plain", "cards", utterance.lang)

    def corrected(self, rng):
        """One slot said wrong first."""
        p, u = self._find(rng, lambda p, u: u.lang == "en" and u.slots() and not u.missing)
        if u is None:
            return None
        target = rng.choice(u.slots())
        filler, schema = u.fillers[target], self.cards[p].tool["parameters"]["properties"][target]
        if filler.kind in ("many", "text", "url", "email") or u.slots().count(target) > 1:
            return None
        wrong, wrong_value = filler.draw(rng, schema, False)
        right, value = filler.draw(rng, schema, False)
        if wrong_value == value or wrong == right:
            return None
        after = rng.random() < 0.4 and target == u.slots()[-1] and '"' not in u.text
        if after:
            spoken = wrong
        elif rng.random() < 0.2:
            spoken = rng.choice((f"not {wrong}, {right}", f"{right}, not {wrong}"))
        else:
            spoken = wrong + rng.choice(lexicon.CORRECTIONS) + right
        plain = self._draw(rng, u)
        query, arguments = self._fill(rng, p, u, lambda s, f, sc, w: (spoken, value) if s == target else plain(s, f, sc, w))
        if after:
            query = query.rstrip(" .?!") + rng.choice(lexicon.CORRECTED_AFTER).format(right)
        return Ask(query, [(p, arguments)], "correction", "cards", careful=True)

    def odd(self, rng):
        """Quotes, JSON, code, emoji, orders inside a free text: copied exactly."""
        p, u = self._find(rng, lambda p, u: u.lang == "en" and any(self._takes_text(p, u, s) for s in u.slots()))
        if u is None:
            return None
        target = rng.choice([s for s in u.slots() if self._takes_text(p, u, s)])
        if u.slots().count(target) > 1:
            return None
        value = self.odd_value(rng, u.fillers[target])
        place = u.text.find("{" + target + "}")
        open_end = u.text.endswith("{" + target + "}")
        spoken = value
        if u.text[place - 1:place] in ('"', "'", "“", "`"):
            if u.text[place - 1] in value:
                return None
        elif not open_end or rng.random() < 0.4:
            quote = next((q for q in ('"', "'", "`") if q not in value), None)
            if quote is None:
                return None
            spoken = quote + value + quote
        plain = self._draw(rng, u)
        query, arguments = self._fill(rng, p, u, lambda s, f, sc, w: (spoken, value) if s == target else plain(s, f, sc, w))
        return Ask(query, [(p, arguments)], "adversarial", "cards", careful=True)

    def _takes_text(self, p, u, slot):
        schema = self.cards[p].tool["parameters"]["properties"][slot]
        kind = u.fillers[slot].kind
        return schema.get("type") == "string" and "enum" not in schema and (kind == "text" or (kind == "list" and _TEXTUAL.search(slot)))

    def odd_value(self, rng, filler):
        form = rng.random()
        if form < 0.2:
            tool = rng.choice(self.dressed).tool["name"]
            return rng.choice(lexicon.INJECTIONS).format(tool=tool)
        if form < 0.4:
            other = self._any_query(rng)
            if other:
                return other
        odd = self.library.odd_texts.draw(rng)
        if form < 0.65 and filler.items:
            return rng.choice(filler.items)[0] + rng.choice((" ", " ", ": ", ", ", "\n")) + odd
        return odd

    def _any_query(self, rng):
        p = rng.choice(self.own)
        u = self._utterance(rng, p, lambda u: u.lang == "en" and '"' not in u.text)
        return fill(u, self.cards[p].tool["parameters"], rng)[0].strip(" .?!") if u else None

    def negated(self, rng):
        """An order forbidden or called off: no call."""
        p, u = self._find(rng, lambda p, u: u.lang == "en" and u.text.split(" ")[0].lower() in lexicon.IMPERATIVES)
        if u is None:
            return None
        query, _ = self._fill(rng, p, u)
        if rng.random() < 0.5 and "?" not in query:
            query = query.rstrip(" .?!") + rng.choice(lexicon.CALLED_OFF)
        elif re.search(r"\b(and|but|then)\b|, ", query):
            return None
        else:
            query = rng.choice(lexicon.FORBIDDEN) + query[0].lower() + query[1:]
        return Ask(query, [], "negation", "cards", careful=True)

    # ------------------------------------------------------------------ several calls

    def joined(self, rng):
        """Two or three complete requests in one query."""
        count = 2 if rng.random() < 0.75 else 3
        first = rng.choice(self.own)
        anchor = self._utterance(rng, first, lambda u: not u.missing)
        if anchor is None:
            return None
        parts = [(first, anchor)]
        for _ in range(12):
            p = rng.choice(self.own)
            if p == first and rng.random() < 0.6:
                continue
            u = self._utterance(rng, p, lambda u: not u.missing and u.lang == anchor.lang)
            if u and (p, u) not in parts:
                parts.append((p, u))
            if len(parts) == count:
                break
        if len(parts) < 2:
            return None
        filled = [(p, *self._fill(rng, p, u)) for p, u in parts]
        if len({(p, str(a)) for p, _, a in filled}) < len(filled):
            return None
        query = self._join(rng, [q for _, q, _ in filled], anchor.lang)
        return Ask(query, [(p, a) for p, _, a in filled], "multi", "cards", anchor.lang)

    @staticmethod
    def _join(rng, queries, lang):
        joins = lexicon.JOINS if lang == "en" else lexicon.JOINS_BY_LANG.get(lang, (", ",))
        ordered = lang == "en" and rng.random() < 0.08
        out = ("first " if ordered else "") + queries[0]
        for q in queries[1:]:
            glue = ", then " if ordered else rng.choice(joins)
            out = out.rstrip() if out.endswith("?") and glue.startswith(".") else out.rstrip(" .?!;,。？！")
            if lang == "en":
                glue = glue[1:] if out.endswith("?") else glue
                sentence = glue.strip().endswith(".") or glue == "\n"
                if not sentence and not re.match(r"I\b|[A-Z][A-Z]", q):
                    first = q.split(" ")[0].lower()
                    q = q[0].lower() + q[1:] if first in lexicon.IMPERATIVES or first in ("can", "could", "please", "what", "how", "i") else q
                q = re.sub(r"^(hey|hi|hello|ok|okay)[, ]+", "", q)
            out += glue + q
        return out

    def elided(self, rng):
        """One wording with two sets of values: 'text Ann hello and Bob bye'."""
        p = rng.choice(self.own)
        u = self._utterance(rng, p, lambda u: (
            not u.missing and 0 < len(u.slots()) <= 3 and SLOT.search(u.text).start() > 3 and u.lang in ("en", *lexicon.JOINS_BY_LANG)
            and not any(u.fillers[s].kind in ("many", "text") for s in u.slots()) and len(set(u.slots())) == len(u.slots())
            and u.text.find("{") < 40 and not re.search(r"[\"']\{", u.text)))
        if u is None:
            return None
        one, two = self._fill(rng, p, u), self._fill(rng, p, u)
        slots = u.slots()
        if any(one[1][s] == two[1][s] for s in slots if u.fillers[s].kind in ("list", "map")) and len(slots) == 1 or one[1] == two[1]:
            return None
        tail = u.text[SLOT.search(u.text).start():]
        second = two[0][len(u.text) - len(tail):]
        if len(slots) == 1 and len(tail) > len("{" + slots[0] + "}"):
            # Both values before the rest of the sentence: 'dim the kitchen and the bedroom please'.
            said = one[0][len(u.text) - len(tail):]
            rest = tail[len("{" + slots[0] + "}"):]
            if not said.endswith(rest) or not second.endswith(rest):
                return None
            word = rng.choice((" and ", " and ", " and also ", " as well as ", " & ")) if u.lang == "en" else rng.choice(lexicon.JOINS_BY_LANG[u.lang][:1])
            query = one[0][:len(one[0]) - len(rest)] + word + second
        else:
            word = rng.choice((" and ", ", ", ", and ", " and then ", " plus ", "; ")) if u.lang == "en" else lexicon.JOINS_BY_LANG[u.lang][0]
            query = one[0].rstrip(" .?!") + word + second
        return Ask(query, [(p, one[1]), (p, two[1])], "multi", "cards", u.lang)

    # ------------------------------------------------------------------ no call

    def _may_fit(self, query, own):
        """The tools hidden from a near miss of tool `own`: neighbours that know any telling word of it, others that know many."""
        cluster = self.library.entries[self.ids[own]].cluster
        query = self.original(query)
        limit = lambda i: NEIGHBOUR_OVERLAP if self.library.entries[i].cluster == cluster else REFUSAL_OVERLAP
        return frozenset(p for p, i in enumerate(self.ids) if p != own and self.library.query_overlap(query, i) > limit(i))

    def miss(self, rng):
        """A near miss of one card: its own tool is visible to nobody's harm, doubtful others are hidden."""
        p = rng.choice(self.own)
        if not self.cards[p].misses:
            return None
        query = rng.choice(self.cards[p].misses)
        if SLOT.search(query):
            return None
        return Ask(query, [], "near_miss", "cards", blocked=self._may_fit(query, p), near=p)

    def removed(self, rng):
        """The right tool is not in the list."""
        p = rng.choice(self.own)
        u = self._utterance(rng, p, lambda u: not u.missing)
        if u is None:
            return None
        query, _ = self._fill(rng, p, u)
        said = self.original(query)
        close = frozenset(q for q, i in enumerate(self.ids) if q == p or self.library.alike(self.ids[p], i) > 0.3
                          or self.library.query_overlap(said, i) > 0.5)
        return Ask(query, [], "removed", "cards", u.lang, blocked=close)

    def foreign(self, rng):
        """A request for a tool of quite another app."""
        i = rng.choice(self.library.card_ids)
        card = self.library.entries[i].card
        u = rng.choice(card.utterances)
        if u.missing:
            return None
        query, _ = fill(u, card.tool["parameters"], rng)
        close = frozenset(q for q, j in enumerate(self.ids) if i == j or self.library.alike(i, j) > 0.2
                          or self.library.query_overlap(query, j) > 0.5)
        return Ask(query, [], "foreign", "cards", u.lang, blocked=close)
