"""training/render.py against FORMAT.md's own example and the goldens."""
import json
import os
import unittest

from training.render import answer_text, number_text, parse_answer, tool_text

GOLDEN = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "golden", "prompt.json")


class RenderTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with open(GOLDEN, encoding="utf-8") as f:
            cls.golden = json.load(f)

    def test_the_example_of_the_format_page(self):
        tool = self.golden["tool_cases"][0]["tool"]
        self.assertEqual(tool_text(tool), '"set_light" Set the brightness of one room. ( "room"* [ kitchen | bedroom ]: Which room ; '
                                          '"level" integer 0..100 ) e.g. dim the bedroom | lights to 20')

    def test_goldens_hold(self):
        self.assertGreaterEqual(len(self.golden["tool_cases"]) + len(self.golden["answer_cases"]), 40)
        for case in self.golden["tool_cases"]:
            self.assertEqual(tool_text(case["tool"]), case["text"])
        for case in self.golden["answer_cases"]:
            self.assertEqual(answer_text(case["tools"], case["calls"]), case["answer_text"])

    def test_answers_read_back(self):
        for case in self.golden["answer_cases"]:
            self.assertEqual(parse_answer(case["answer_text"]), json.loads(json.dumps(case["calls"])))

    def test_numbers_like_javascript(self):
        for x, text in ((5.0, "5"), (0.1, "0.1"), (1e-6, "0.000001"), (1e-7, "1e-7"), (1e21, "1e+21"), (123e18, "123000000000000000000"),
                        (-0.0, "0"), (2.50, "2.5"), (5e-324, "5e-324"), (12345678901234567890, "12345678901234567000")):
            self.assertEqual(number_text(x), text)

    def test_no_answer_is_refused(self):
        for text in ("{}", "[1]", '[{"name":1,"arguments":{}}]', '[{"name":"a"}]', "nonsense"):
            with self.assertRaises(ValueError):
                parse_answer(text)


if __name__ == "__main__":
    unittest.main()
