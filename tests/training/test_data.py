"""Cards, fillers, noise, split and packing; needs no corpus."""
import random
import unittest

import numpy as np

from training import schema
from training.data import names, noise, text
from training.data.alias import draw_alias, scene_alias
from training.data.cards import fill, parse_card
from training.data.dress import Style, dress_tool
from training.data.fillers import Filler
from training.data.numbers import number_words
from training.data.situation import Ask, finish
from training.data.vary import vary
from training.rows import D, EOS, QUERY_BASE, ROW, T, TEXT_D, TEXT_ROW, TOOL_CALL, TOOLS, RowBuilder

CARD = {"domain": "food", "tool": {"name": "add_to_order", "description": "Add a dish.", "parameters": {
    "type": "object", "properties": {"dish": {"type": "string"}, "quantity": {"type": "integer", "minimum": 1, "maximum": 9},
                                     "spice": {"type": "string", "enum": ["mild", "hot"]}, "gift": {"type": "boolean"}}, "required": ["dish"]}},
    "s": {"dish": "list:pad thai|cod", "quantity": "int:2-6", "spice": "map:not spicy=mild|hot=hot", "gift": "map:wrapped=true"},
    "u": ["add {quantity} {dish}", {"t": "just one {dish}, {spice}", "a": {"quantity": 1}}, {"t": "order {gift}", "n": ["dish"]}], "x": ["cancel"]}


class CardTest(unittest.TestCase):
    def test_an_expansion_holds_its_slots_fixed_and_missing_arguments(self):
        card, rng = parse_card(CARD, None), random.Random(1)
        query, arguments = fill(card.utterances[1], card.tool["parameters"], rng)
        self.assertIn(arguments["dish"], query)
        self.assertEqual((arguments["quantity"], set(arguments)), (1, {"dish", "quantity", "spice"}))
        self.assertIn(arguments["spice"], ("mild", "hot"))
        query, arguments = fill(card.utterances[2], card.tool["parameters"], rng)
        self.assertEqual((query, arguments), ("order wrapped", {"dish": None, "gift": True}))

    def test_every_expansion_fits_its_schema(self):
        card, rng = parse_card(CARD, None), random.Random(2)
        for _ in range(200):
            utterance = rng.choice(card.utterances)
            _, arguments = fill(utterance, card.tool["parameters"], rng)
            self.assertEqual(schema.call_errors({"name": "add_to_order", "arguments": arguments}, card.tool["parameters"]), [])

    def test_bad_fillers_are_named(self):
        for bad in ("int:9-2", "int:1.5-2", "many:many:int:1-2", "nonsense", "map:a", "list:a||b"):
            with self.assertRaises(SyntaxError):
                Filler(bad, None)

    def test_the_schema_check_finds_wrong_values(self):
        parameters = CARD["tool"]["parameters"]
        for arguments in ({"dish": 3}, {"dish": "a", "quantity": 99}, {"dish": "a", "spice": "warm"}, {"quantity": 2}, {"dish": "a", "z": 1}, {"dish": "a", "gift": "true"}):
            self.assertNotEqual(schema.call_errors({"name": "f", "arguments": arguments}, parameters), [])

    def test_number_words(self):
        self.assertEqual([number_words(n) for n in (0, 13, 21, 100, 342)], ["zero", "thirteen", "twenty-one", "one hundred", "three hundred and forty-two"])


class NoiseTest(unittest.TestCase):
    def test_copied_strings_stay_verbatim_in_the_query(self):
        schemas = {"f": {"type": "object", "properties": {"text": {"type": "string"}, "n": {"type": "integer"}}}}
        query, text_value = "please write down call Mr. Smith, at 5, and set level 20", "call Mr. Smith, at 5,"
        for seed in range(300):
            rng = random.Random(seed)
            noisy, calls = noise.add_noise(rng, query, [{"name": "f", "arguments": {"text": text_value, "n": 20}}], schemas)
            self.assertIn(calls[0]["arguments"]["text"], noisy)
            self.assertTrue("20" in noisy or "twenty" in noisy.lower())

    def test_names_split_and_join(self):
        self.assertEqual(names.words_of("setBedroom_light.level2"), ["set", "bedroom", "light", "level", "2"])
        self.assertEqual(names.styled(["set", "light"], "camel"), "setLight")


class DressTest(unittest.TestCase):
    def test_answers_follow_renamed_and_required_parameters(self):
        for seed in range(200):
            rng = random.Random(seed)
            d = dress_tool(rng, CARD["tool"], Style(convention="camel", param_convention="pascal", synonyms=0.5, shuffle=True, opaque_params=seed % 2 == 0), set())
            arguments = d.arguments({"dish": None, "quantity": 2})
            properties, required = d.tool["parameters"]["properties"], d.tool["parameters"]["required"]
            self.assertEqual(arguments[d.keys["quantity"]], 2)
            self.assertEqual({k for k, v in arguments.items() if v is None}, set(required) - {d.keys["quantity"]})
            self.assertLessEqual(set(arguments), set(properties))

    def test_a_query_sees_its_gold_tools_and_never_the_blocked(self):
        rng = random.Random(3)
        dressed = [dress_tool(rng, {"name": f"t{i}", "description": "", "parameters": {"type": "object", "properties": {}}}, Style(), set()) for i in range(6)]
        for _ in range(100):
            e = finish(rng, Ask("go", [(2, {})], "plain", "test", blocked=frozenset({0, 1})), dressed)
            self.assertIn(2, e.visible)
            self.assertFalse({0, 1} & set(e.visible))


class AliasTest(unittest.TestCase):
    RECORD = {"domain": "d", "tool": {"name": "set_alarms", "description": "Set an alarm.", "parameters": {
        "type": "object", "properties": {"time": {"type": "string", "description": "When the alarm rings"}}, "required": ["time"]}},
        "s": {"time": "list:alarm time|noon"}, "u": ["Alarm at {time}", "two alarms please: {time}", "wake me at {time}"], "x": ["stop the alarm"]}

    def test_tool_and_wordings_change_alike_and_values_stay(self):
        alias = draw_alias_of(self.RECORD)
        card = alias.card(parse_card(self.RECORD, None))
        word = alias.words["alarm"]
        self.assertEqual(card.tool["name"], f"set_{word}s")
        self.assertEqual(card.tool["description"], f"Set an {word}.")
        self.assertEqual([u.text for u in card.utterances], [f"{word.capitalize()} at {{time}}", f"two {word}s please: {{time}}", "wake me at {time}"])
        self.assertEqual(card.misses, [f"stop the {word}"])
        self.assertEqual(alias.original(card.misses[0]), "stop the alarm")
        self.assertEqual(list(card.tool["parameters"]["properties"]), ["time"])
        self.assertIn(fill(card.utterances[0], card.tool["parameters"], random.Random(1))[1]["time"], ("alarm time", "noon"))

    def test_words_that_a_wording_inflects_or_an_enum_names_stay(self):
        inflected = {**self.RECORD, "u": [*self.RECORD["u"], "I am alarmed at {time}"]}
        self.assertIsNone(draw_alias_of(inflected))
        tool = {**self.RECORD["tool"], "parameters": {"type": "object", "properties": {"time": {"type": "string", "enum": ["alarm time", "noon"]}}}}
        self.assertIsNone(draw_alias_of({**self.RECORD, "tool": tool}))

    def test_a_scene_keeps_the_words_of_its_arguments(self):
        tools = [{"name": n, "parameters": {"type": "object", "properties": {"text": {"type": "string"}}}} for n in ("add_note", "set_alarm")]
        cases = [{"q": "note: alarm company", "a": [{"name": "add_note", "arguments": {"text": "alarm company"}}]},
                 {"q": "another note: milk", "a": [{"name": "add_note", "arguments": {"text": "milk"}}]},
                 {"q": "alarm", "a": [{"name": "set_alarm", "arguments": {}}]}, {"q": "alarm please", "a": [{"name": "set_alarm", "arguments": {}}]}]
        drawn = [scene_alias(random.Random(seed), {"tools": tools, "cases": cases}, ["walnut"]) for seed in range(20)]
        self.assertEqual({w for a in drawn if a for w in a.words}, {"note"})


def draw_alias_of(record):
    """The first Alias that any of 50 seeds draws for the card; None when no seed does."""
    card = parse_card(record, None)
    drawn = (draw_alias(random.Random(seed), [card], ["walnut"]) for seed in range(50))
    return next((a for a in drawn if a), None)


class MembersTest(unittest.TestCase):
    TOOL = {"name": "arm", "description": "Arm it.", "parameters": {"type": "object", "required": ["state"], "properties": {
        "state": {"type": "string", "enum": ["armed_home", "armed_away"], "default": "armed_home"},
        "zones": {"type": "array", "items": {"type": "string", "enum": ["front door", "back door"]}},
        "unit": {"type": "string", "enum": ["km", "mi"]}}}}

    def test_answers_follow_renamed_enum_members(self):
        for seed in range(40):
            d = dress_tool(random.Random(seed), self.TOOL, Style(members="upper", shuffle=True), set())
            properties = d.tool["parameters"]["properties"]
            arguments = d.arguments({"state": "armed_away", "zones": ["back door"], "unit": "km"})
            self.assertEqual(schema.call_errors({"name": "arm", "arguments": arguments}, d.tool["parameters"]), [])
            self.assertIn(properties["state"]["default"], properties["state"]["enum"])
            self.assertEqual(set(properties["unit"]["enum"]), {"km", "mi"})
        self.assertEqual((arguments["state"], arguments["zones"]), ("ARMED_AWAY", ["BACK_DOOR"]))


class VaryTest(unittest.TestCase):
    SCHEMAS = {0: {"properties": {"n": {"type": "integer", "minimum": 10, "maximum": 60}, "who": {"type": "string"},
                                  "mode": {"type": "string", "enum": ["eco"]}, "gift": {"type": "boolean"}}}}

    @staticmethod
    def other(rng, key, old):
        return "Zoe"

    def run_all(self, query, arguments):
        """What 200 seeds make of a case with one call, those that changed."""
        out = [vary(random.Random(seed), query, [(0, arguments)], self.SCHEMAS, self.other, rate=1.0) for seed in range(200)]
        return [(q, calls[0][1]) for q, calls in out if q != query]

    def test_query_and_answer_change_alike_within_bounds(self):
        changed = self.run_all("eco table for Ann, 20 people", {"n": 20, "who": "Ann", "mode": "eco", "gift": True})
        self.assertGreater(len(changed), 150)
        for query, arguments in changed:
            self.assertEqual(query, f"eco table for Zoe, {arguments['n']} people")
            self.assertTrue(10 <= arguments["n"] <= 60)
            self.assertEqual((arguments["who"], arguments["mode"], arguments["gift"]), ("Zoe", "eco", True))

    def test_what_is_said_twice_or_otherwise_stays(self):
        for query, arguments in (("20 or 20", {"n": 20}), ("at 20:15", {"n": 20}), ("at 20.5", {"n": 20}), ("twenty", {"n": 20}),
                                 ("Annabel", {"who": "Ann"}), ("eco", {"who": "eco"}), ("gift 1", {"gift": True})):
            self.assertEqual(self.run_all(query, arguments), [], query)


class RowsTest(unittest.TestCase):
    def test_a_row_reads_back(self):
        rows = np.zeros(1, ROW)
        builder = RowBuilder(rows[0])
        one, two = builder.add_tool([10, 11]), builder.add_tool([12])
        self.assertTrue(builder.add_query([20, 21, 22], [30, 31], [one, two], [two]))
        row = rows[0]
        self.assertEqual(row["enc_tok"][:7].tolist(), [10, 11, 12, 20, 21, 22, TOOLS])
        self.assertEqual(row["enc_seg"][:8].tolist(), [1, 1, 2, QUERY_BASE + 1, QUERY_BASE + 1, QUERY_BASE + 1, QUERY_BASE + 1, 0])
        self.assertEqual(row["dec_tok"][:5].tolist(), [EOS, TOOL_CALL, 30, 31, 0])
        self.assertEqual(row["dec_tgt"][:5].tolist(), [TOOL_CALL, 30, 31, EOS, 0])
        self.assertEqual((int(row["vis"][0]), int(row["gold"][0]), int(row["vis"][1])), (3, 2, 0))

    def test_a_full_row_refuses(self):
        builder = RowBuilder(np.zeros(1, ROW)[0])
        self.assertFalse(builder.add_query([7] * T, [8]))
        self.assertFalse(builder.add_query([7], [8] * (D - 1)))
        self.assertEqual(builder.add_tool([7] * (T + 1)), 0)

    def test_masked_spans_give_back_the_chunk(self):
        for seed in range(100):
            rng = random.Random(seed)
            chunk = np.array([rng.randint(300, 8000) for _ in range(rng.randint(80, 240))], np.uint16)
            encoder, decoder = text.mask(chunk, rng)
            spans = [[]]
            for piece in decoder:
                spans.append([]) if piece == TOOLS else spans[-1].append(piece)
            self.assertEqual(len(spans), encoder.count(TOOLS))
            self.assertTrue(all(3 <= len(s) <= 15 for s in spans))
            out = []
            for piece in encoder:
                out += spans.pop(0) if piece == TOOLS else [piece]
            self.assertEqual(out, chunk.tolist())
            self.assertLessEqual(len(decoder) + 2, TEXT_D)

    def test_text_rows_have_the_short_decoder(self):
        rows = np.zeros(2, TEXT_ROW)
        text.fill_rows(rows, [np.arange(300, 400, dtype=np.uint16)] * 5, 1)
        self.assertTrue((rows["dec_tok"][:, 0] == EOS).all() and rows["dec_tok"].shape == (2, TEXT_D))


if __name__ == "__main__":
    unittest.main()
