"""Situations from the public corpora nlu/ and fc/ of the corpus folder."""
import json
from collections import defaultdict

from training.data.dress import draw_style, dress_tool
from training.data.pools import estimated_pieces, pool_size
from training.data.situation import Ask, Situation
from training.render import as_schema
from training.schema import call_errors

# How often each corpus is drawn. Corpora of parameterless tools get little.
NLU_WEIGHTS = {"sgd": 22, "snips": 9, "hwu64": 10, "slurp": 6, "fbmtod": 8, "xsid": 10, "home_assistant": 15, "crosswoz": 3, "woz2": 2,
               "clinc150": 4, "clinc150_slots": 4, "banking77": 2, "smcalflow": 5, "multidogo": 2, "restaurant8k": 1.5, "nlupp": 1}
# Corpora of which only evaluation parts were published here; nobody reports on them for tool calling.
WITHOUT_TRAIN = {"slurp", "xsid", "crosswoz", "fbmtod"}
FC_WEIGHTS = {"xlam_apigen_sample": 20, "seal_tools": 12, "seal_tools_long": 1, "glaive_v2_sample": 8, "droidcall_early": 10,
              "home_llm": 9, "home_llm_piles": 10, "metatool_toole": 4, "irrelevance_derived": 14, "toolrl_rlla_sample": 5, "apibank_lv3_train": 2}


def usable(record, source):
    return record.get("split") != "test" or source in WITHOUT_TRAIN


class NluSource:
    """One corpus: tools and the records by the tool they call."""

    def __init__(self, corpus, name):
        self.name = name
        self.tools = {t["name"]: {**t, "parameters": as_schema(t["parameters"])} for t in corpus.json(f"nlu/{name}.tools.json")}
        self.by_tool, self.several, self.refused = defaultdict(list), [], []
        for r in corpus.records(f"nlu/{name}.jsonl.xz"):
            if not usable(r, name) or len(r["query"]) > 400:
                continue
            r = (r["query"], [(a["name"], a["arguments"]) for a in r["answers"]], r.get("lang", "en"))
            if not r[1]:
                self.refused.append(r)
            elif len(r[1]) == 1:
                self.by_tool[r[1][0][0]].append(r)
            else:
                self.several.append(r)
        self.called, self.names = sorted(self.by_tool), sorted(self.tools)
        self.variants = self._read_variants(corpus) if name == "sgd" else []

    def _read_variants(self, corpus):
        """Per SGD-X variant: base tool name -> (tool, {base parameter: its name}) with the base's parameter order."""
        table = corpus.json("nlu/sgd.variants.json")["map"]
        out = []
        for v in ("v1", "v2", "v3", "v4", "v5"):
            tools = {t["name"]: t for t in corpus.json(f"nlu/sgd.tools.{v}.json")}
            out.append({base: (tools[names[v]["name"]], names[v]["params"]) for base, names in table.items()
                        if v in names and names[v]["name"] in tools})
        return out


class NluPools:
    """Pools of one corpus, sometimes with tools of a second one; twins by groups.json stay hidden."""

    def __init__(self, corpus):
        self.sources = [NluSource(corpus, n) for n in NLU_WEIGHTS]
        self.weights = list(NLU_WEIGHTS.values())
        groups = corpus.json("nlu/groups.json")
        self.groups = defaultdict(set)
        for group, names in groups["groups"].items():
            for n in names:
                self.groups[n].add(group)
        self.never = set(groups["never_distractor"])
        self.refused = [r for s in self.sources for r in s.refused]

    def _alike(self, a, b):
        return a != b and bool(self.groups[a] & self.groups[b])

    def situation(self, rng, budget):
        source = rng.choices(self.sources, self.weights)[0]
        size = pool_size(rng)
        anchors = [rng.choice(source.several) for _ in range(2)] if source.several and rng.random() < 0.5 else []
        names = []
        for _, calls, _ in anchors:
            names += [n for n, _ in calls if n not in names]
        pool = [(source, n) for n in names]
        while len(pool) < min(size, len(source.tools)):
            n = rng.choice(source.called if rng.random() < 0.8 else source.names)
            if (source, n) not in pool:
                pool.append((source, n))
        if rng.random() < 0.3 and len(pool) > 2:
            other = rng.choice(self.sources)
            used = {n for _, n in pool}
            pool[-1:] = [(other, n) for n in rng.sample(other.names, min(3, len(other.names))) if n not in used and n not in self.never][:2]
        return self._dress(rng, pool, anchors, budget)

    def _dress(self, rng, pool, anchors, budget):
        style = draw_style(rng, len(pool) > 10)
        taken, dressed, kept, renamed = set(), [], [], []
        for source, name in pool:
            tool, keys = source.tools[name], None
            if source.variants and rng.random() < 0.5:
                variant = rng.choice(source.variants).get(name)
                if variant:
                    tool, keys = {**variant[0], "parameters": as_schema(variant[0]["parameters"])}, variant[1]
            d = dress_tool(rng, tool, style, taken)
            if keys:
                d.keys = {base: d.keys[new] for base, new in keys.items() if new in d.keys}
            if style.examples and len(source.by_tool[name]) > 20:
                d.tool["examples"] = [r[0] for r in rng.sample(source.by_tool[name], rng.randint(1, 3)) if len(r[0]) < 90]
            budget -= estimated_pieces(d.tool)
            if budget < 0:
                break
            dressed.append(d)
            kept.append((source, name))
        return Situation(dressed, self._asks(rng, kept, dressed, anchors)) if dressed else None

    def _asks(self, rng, pool, dressed, anchors):
        index = {name: p for p, (_, name) in enumerate(pool)}
        for record in anchors:
            yield self._ask(record, pool, index)
        askable = [p for p, (s, n) in enumerate(pool) if s.by_tool[n]]
        if not askable:
            return
        while True:
            form = rng.random()
            if form < 0.04:
                query, _, lang = rng.choice(self.refused)
                vague = frozenset(p for p, (_, n) in enumerate(pool) if n in self.never)
                yield Ask(query, [], "foreign", "nlu", lang, blocked=vague)
                continue
            source, name = pool[rng.choice(askable)]
            yield self._ask(rng.choice(source.by_tool[name]), pool, index, removed=form < 0.08)

    def _ask(self, record, pool, index, removed=False):
        query, calls, lang = record
        if any(n not in index for n, _ in calls):
            return None
        golds = {n for n, _ in calls}
        alike = {p for p, (_, n) in enumerate(pool) if n in self.never - golds or any(self._alike(g, n) for g in golds)}
        if removed:
            return Ask(query, [], "removed", "nlu", lang, blocked=frozenset(alike | {index[n] for n in golds}))
        kind = "multi" if len(calls) > 1 else "plain"
        return Ask(query, [(index[n], a) for n, a in calls], kind, "nlu", lang, blocked=frozenset(alike))


def _unsaid_default(value, tool, key):
    """True for an optional argument that only repeats its default: our answers leave it out."""
    schema = tool["parameters"] if tool else {}
    return key not in schema.get("required", ()) and schema.get("properties", {}).get(key, {}).get("default", Ellipsis) == value


def _invented(call, tool, query):
    """True when an optional free string, not a short code, does not stand in the query."""
    schema = tool["parameters"] if tool else {}
    low = query.lower()
    return any(isinstance(v, str) and len(v) > 3 and v.lower() not in low and k not in schema.get("required", ())
               and "enum" not in schema.get("properties", {}).get(k, {}) for k, v in call["arguments"].items())


class FcPools:
    """Function-calling records: each brings its own list of tools."""

    def __init__(self, corpus):
        self.records, self.weights = [], []
        for name, weight in FC_WEIGHTS.items():
            records = [r for r in map(self._read, corpus.records(f"fc/{name}.jsonl.xz")) if r]
            self.records.append(records)
            self.weights.append(weight)

    @staticmethod
    def _read(record):
        if record["split"] == "test" or len(record["query"]) > 700:
            return None
        tools = [{"name": t["name"], "description": t.get("description", ""), "parameters": as_schema(t["parameters"])} for t in record["tools"]]
        by_name = {t["name"]: t for t in tools}
        calls = record["answers"]
        calls = [{**c, "arguments": {k: v for k, v in c["arguments"].items() if not _unsaid_default(v, by_name.get(c["name"]), k)}} for c in calls]
        if any(_invented(c, by_name.get(c["name"]), record["query"]) for c in calls):
            return None
        if len(by_name) < len(tools) or not tools or any(c["name"] not in by_name or call_errors(c, by_name[c["name"]]["parameters"]) for c in calls):
            return None
        return record["query"], json.dumps(tools), [(list(by_name).index(c["name"]), c["arguments"]) for c in calls]

    def situation(self, rng, budget):
        query, tools, calls = rng.choice(rng.choices(self.records, self.weights)[0])
        tools = json.loads(tools)
        style = draw_style(rng)
        style.examples = False
        gold = sorted({i for i, _ in calls})
        order = gold + [i for i in range(len(tools)) if i not in gold]
        taken, dressed = set(), {}
        for i in order:
            d = dress_tool(rng, tools[i], style, taken)
            budget -= estimated_pieces(d.tool)
            if budget < 0:
                break
            dressed[i] = d
        if len(dressed) < max(1, len(gold)):
            return None
        place = {i: p for p, i in enumerate(dressed)}
        kind = "multi" if len(calls) > 1 else "plain"
        ask = Ask(query, [(place[i], a) for i, a in calls], kind, "fc")
        return Situation(list(dressed.values()), iter([ask]))
