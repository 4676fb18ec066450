"""Requests written by rule for real API operations: wording from the tool's texts, values by its schema."""
import re
from collections import defaultdict

from training.data import lexicon
from training.data.dress import _BASE, draw_style, dress_tool
from training.data.library import stems
from training.data.names import words_of
from training.data.pools import estimated_pieces, pool_size
from training.data.situation import Ask, Situation
from training.data.values import Values
from training.render import as_schema
from training.schema import call_errors

MAX_PARAMETERS = 7
LIKE = 0.6  # Jaccard of name and description stems above which two tools are taken for twins
_NOISE_KEYS = re.compile(r"token|password|secret|credential|etag|update_mask|acquire_policy|change_reference|api_?version|api_?key|input_?object|"
                         r"force|confirm|dry_?run|validate_only|fields$|expand|select|skip|pretty|alt$|body$|properties|metadata|identity", re.I)
_SPECIFIED = re.compile(r"\b(a |an |the )?(specified|specific|given|particular|single) ", re.I)
_READING = set("display provide obtain get list show fetch retrieve find search read check lookup query return describe".split())
_OPENINGS = ("{}", "{}", "{}", "{}", "please {}", "can you {}?", "could you {}?", "i need to {}", "i want to {}", "i'd like to {}", "help me {}", "we have to {}",
             "go {}", "time to {}", "let's {}", "{} for me", "{} please", "would you {}", "{} now", "i have to {}")
_QUESTIONS = ("what are {}?", "show me {}", "give me {}", "i need {}", "{}?", "{}", "what's {}?", "let me see {}", "pull up {}", "do we have {}?", "any {}?",
              "i want to see {}", "where can i see {}?", "tell me {}", "{} please", "looking for {}")
_PHRASES = (" with {k} {v}", ", {k} {v}", ", {k}: {v}", " {k}={v}", " where the {k} is {v}", " ({k} {v})", " using {v} as the {k}", ", {v} as {k}",
            ", {k} should be {v}", " and {k} {v}", "; {k} {v}", ", the {k} is {v}", " for {k} {v}", " {k} {v}")
_FIRST = (" {v}", " for {v}", " of {v}", " for {k} {v}", " {k} {v}", " '{v}'", " \"{v}\"", ": {v}", " with {k} {v}", " in {v}", " - {v}")
_TRUE = (" with {k}", ", {k} on", ", {k} true", " and {k}", ", {k}: yes", ", {k} enabled", ", set {k} to true", ", yes to {k}")
_FALSE = (" without {k}", ", no {k}", ", {k} off", ", {k} false", ", {k}: no", ", {k} disabled", ", set {k} to false", ", not {k}")


def simple(tool, api, rng):
    """The tool with a JSON Schema of at most MAX_PARAMETERS parameters; None when it cannot be asked for."""
    schema = as_schema(tool["parameters"])
    properties, required = schema["properties"], schema.get("required", [])
    if any(properties[k].get("type") == "object" for k in required if k in properties) or len(tool["name"]) > 60:
        return None
    optional = [k for k in properties if k not in required]
    rng.shuffle(optional)
    keep = set(required) | set(optional[:max(0, MAX_PARAMETERS - len(required))])
    if len(keep) > MAX_PARAMETERS or not (tool.get("description") or "").strip():
        return None
    out = {}
    for k, s in properties.items():
        if k in keep and (k in required or not _NOISE_KEYS.search(k)):
            out[k] = {n: v for n, v in s.items() if n in ("type", "description", "enum", "format", "items", "minimum", "maximum", "default")}
            if isinstance(out[k].get("items"), str):
                out[k]["items"] = {"type": out[k]["items"]}
    return {"name": tool["name"], "description": tool["description"], "api": api,
            "parameters": {"type": "object", "properties": out, "required": [k for k in required if k in out]}}


class OpenApiPools:
    """Pools of the operations of one API (hard distractors) or one field, and a few of others."""

    def __init__(self, corpus):
        self.values = Values(corpus)
        self.groups = defaultdict(list)
        for t in corpus.api_tools():
            self.groups["api/" + t["api"]].append(t)
        for t in corpus.records("fc/tool_pool.jsonl.xz"):
            part = t.get("server") or (t.get("field") or "").split("/")[0] or str(len(t["name"]) % 40)
            self.groups[f"{t['source']}/{part}"].append(t)
        self.names = sorted(self.groups)
        pool = lambda n: not n.startswith("api/")
        # Small APIs count for more than their size; the pool's general functions for as much as all APIs.
        weights = [min(len(self.groups[n]), 60) ** 0.7 for n in self.names]
        share = {flag: sum(w for n, w in zip(self.names, weights) if pool(n) == flag) for flag in (True, False)}
        self.weights = []
        total = 0.0
        for n, w in zip(self.names, weights):
            total += w / share[pool(n)]
            self.weights.append(total)

    def situation(self, rng, budget):
        size = pool_size(rng)
        group = self.groups[rng.choices(self.names, cum_weights=self.weights)[0]]
        tools = rng.sample(group, min(len(group), max(1, round(size * rng.choice((0.5, 0.8, 1.0))))))
        while len(tools) < size:
            tools.append(rng.choice(self.groups[rng.choices(self.names, cum_weights=self.weights)[0]]))
        style = draw_style(rng, size > 10)
        taken, dressed, kept = set(), [], []
        for t in tools:
            tool = simple(t, t.get("api", ""), rng)
            if tool is None:
                continue
            d = dress_tool(rng, tool, style, taken)
            if style.examples:
                written = [write_request(rng, tool, self.values) for _ in range(rng.randint(1, 2))]
                d.tool["examples"] = [w[0] for w in written if w and len(w[0]) < 110]
            budget -= estimated_pieces(d.tool)
            if budget < 0:
                break
            dressed.append(d)
            kept.append(tool)
        return Situation(dressed, self._asks(rng, kept)) if dressed else None

    @staticmethod
    def bags(tools):
        """The words of each tool, for twins() and close()."""
        return [frozenset(words_of(t["name"])) | frozenset(stems(t["description"])) for t in tools]

    @staticmethod
    def twins(bags, p):
        """Tools that may serve what tool `p` does."""
        return frozenset(q for q in range(len(bags)) if q != p and len(bags[p] & bags[q]) > LIKE * len(bags[p] | bags[q]))

    @classmethod
    def close(cls, bags, p):
        """Tools that must be away, `p` too, when a request for `p` is refused."""
        return cls.twins(bags, p) | {p} | {q for q in range(len(bags)) if len(bags[p] & bags[q]) > 0.3 * len(bags[p])}

    def _asks(self, rng, tools):
        bags = self.bags(tools)
        while True:
            p = rng.randrange(len(tools))
            written = write_request(rng, tools[p], self.values)
            if written is None:
                yield None
                continue
            query, arguments, kind = written
            twins = self.twins(bags, p)
            form = rng.random()
            if form < 0.04:
                yield Ask(query, [], "removed", "openapi", blocked=self.close(bags, p))
            elif form < 0.16:
                q = rng.choice([i for i in range(len(tools))])
                other = write_request(rng, tools[q], self.values) if q != p else None
                if other is None or kind == "missing" or other[2] == "missing":
                    yield None
                    continue
                joined = query.rstrip(" .?!") + rng.choice(lexicon.JOINS) + other[0]
                close = (twins | self.twins(bags, q)) - {p, q}
                yield Ask(joined, [(p, arguments), (q, other[1])], "multi", "openapi", blocked=close)
            else:
                yield Ask(query, [(p, arguments)], "plain", "openapi", blocked=twins)


def said_verb_phrase(rng, tool):
    """(verb, object phrase) from the description or, telegraphically, from the name."""
    name = ["create" if w == "new" else w for w in words_of(tool["name"])]
    text = _SPECIFIED.sub(lambda m: m[1] if rng.random() < 0.5 and m[1] else "", tool["description"].strip())
    text = re.split(r"[.;:(]| that | which | using | by the | for the specified| from the ", text)[0].strip()
    words = text.split()
    if words and 2 <= len(words) <= 14 and "cmdlet" not in text and rng.random() < 0.75:
        first = words[0].lower()
        base = _BASE.get(first) or (first if first in _BASE.values() else None)
        if base:
            return base, _lower(" ".join(words[1:]))
        if len(words) <= 8:
            return "", _lower(text)
    verbs = [w for w in name if w in lexicon.VERBS or w in lexicon.IMPERATIVES]
    verb = verbs[0] if verbs else ""
    rest = [w for w in name if w != verb and w not in ("api", "v1", "v2", "by", "id", "post", "put", "get")]
    if not rest:
        return None
    return verb, " ".join(rest)


def _lower(text):
    """Lower case for ordinary words, not for names and abbreviations."""
    out = [w if re.search(r"[A-Z].*[A-Z0-9]", w) else w for w in text.split()]
    return out[0][:1].lower() + out[0][1:] + (" " + " ".join(out[1:]) if out[1:] else "") if out and not out[0][:2].isupper() else " ".join(out)


def write_request(rng, tool, values):
    """(query, arguments, kind) of one request for `tool`; None when it comes out badly."""
    phrase = said_verb_phrase(rng, tool)
    if phrase is None:
        return None
    verb, thing = phrase
    if len(thing) > 110 or "{" in thing:
        return None
    thing = re.sub(r"^(a|an|the|all|all the) ", lambda m: m[0] if rng.random() < 0.5 else rng.choice(("", "the ", "")), thing)
    if verb and rng.random() < 0.3 and verb in lexicon.VERBS:
        verb = rng.choice(lexicon.VERBS[verb])
    schema = tool["parameters"]
    required = schema["required"]
    chosen = [k for k in schema["properties"] if k in required or rng.random() < 0.3]
    dropped = rng.choice(required) if required and rng.random() < 0.06 else None
    if required and rng.random() < 0.03:
        chosen = []
    arguments, said = {}, []
    for k in chosen[:5]:
        if k == dropped:
            continue
        drawn = values.draw(rng, k, schema["properties"][k], schema["properties"][k].get("description"))
        if drawn is None:
            if k in required:
                return None
            continue
        arguments[k] = drawn[1]
        said.append((k, *drawn))
    if any(k not in arguments and k in required for k in chosen[5:]):
        return None
    if call_errors({"name": tool["name"], "arguments": arguments}, {**schema, "required": []}):
        return None  # bounds or enums that contradict each other
    query = _head(rng, verb, thing)
    end = query[-1] if query[-1] in "?!" else ""
    query = query.rstrip("?!")
    rng.shuffle(said)
    said.sort(key=lambda s: s[0] not in required)
    lead = len(said) == 1 or rng.random() < 0.4
    for i, (key, spoken, value) in enumerate(said):
        query += _clause(rng, key, spoken, value, first=i == 0 and lead and schema["properties"][key].get("type") in ("string", "integer"))
    kind = "missing" if any(k not in arguments for k in required) else "plain"
    arguments = {k: arguments.get(k) for k in schema["properties"] if k in arguments or k in required}
    return query + (end if rng.random() < 0.7 else ""), arguments, kind


def _head(rng, verb, thing):
    if not verb or (verb in _READING and rng.random() < 0.45):
        return rng.choice(_QUESTIONS).format(thing)
    if rng.random() < 0.06:
        return f"{thing}: {verb}"
    return rng.choice(_OPENINGS).format(f"{verb} {thing}")


def _clause(rng, key, spoken, value, first):
    label = " ".join(words_of(key)) or key
    if rng.random() < 0.12:
        label = key
    elif rng.random() < 0.3:
        label = re.sub(r" (id|name)$", "", label)
    if isinstance(value, bool):
        label = re.sub(r"^(is|has|enable|include|show|use|return|with|allow) ", lambda m: m[0] if m[1] in ("include", "show", "use") and rng.random() < 0.2 else "", label)
        return rng.choice(_TRUE if value else _FALSE).format(k=label)
    form = rng.choice(_FIRST if first else _PHRASES)
    if '"' in spoken or "'" in spoken:
        form = form.replace('"', "").replace("'", "")
    return form.replace("{k}", label).replace("{v}", spoken)
