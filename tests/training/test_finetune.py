"""Fine-tuning on a tiny model: reading, packing, the whole run; and the calibration."""
import argparse
import contextlib
import io
import json
from pathlib import Path
import random
import tempfile
import unittest

import numpy as np
import sentencepiece
import torch

from training import calibrate, finetune
from training.config import QUERY_SEGMENT, ModelConfig
from training.evaluate import asked, is_exact
from training.model import SAN
from training.san import SanFile, read_san

TOKENIZER = sentencepiece.SentencePieceProcessor(model_file=str(Path(__file__).parents[2] / "model" / "tokenizer.model"))
CONFIG = ModelConfig(d_model=32, num_heads=2, num_kv_heads=1, num_encoder_layers=1, num_decoder_layers=1, contrastive_dim=16)
TOOLS = [{"name": "dim", "description": "Dim a room.", "parameters": {"type": "object", "properties": {
    "room": {"type": "string"}, "level": {"type": "integer"}}, "required": ["room"]}},
    {"name": "lock", "parameters": {"door": {"type": "string", "required": True}}}, {"name": "sing", "parameters": {}}]


def line(query, answers, tools=TOOLS):
    return json.dumps({"query": query, "tools": json.dumps(tools), "answers": json.dumps(answers)})


def dim(n):
    return line(f"dim room {n} to {n}", [{"name": "dim", "arguments": {"room": f"room {n}", "level": n}}])


class Reading(unittest.TestCase):
    def test_both_spellings_of_a_line(self):
        record = json.loads(dim(3))
        plain = json.dumps({k: json.loads(v) if k != "query" else v for k, v in record.items()})
        self.assertEqual(finetune.read_example(dim(3)), finetune.read_example(plain))

    def test_a_required_value_may_be_null(self):
        unsaid = [{"name": "dim", "arguments": {"room": None, "level": 3}}]
        self.assertEqual(finetune.read_example(line("dim to 3", unsaid))["answers"], unsaid)
        with self.assertRaisesRegex(ValueError, "level"):
            finetune.read_example(line("dim the hall", [{"name": "dim", "arguments": {"room": "hall", "level": None}}]))

    def test_a_wrong_line_is_named(self):
        call = {"name": "dim", "arguments": {"level": "high"}}
        for bad in ("{", "[]", line(" ", []), line("x", [{"name": "fly", "arguments": {}}]), line("x", [call]), line("x", [], []),
                    line("x", [{"name": "dim"}])):
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "data.jsonl"
                path.write_text("\n".join([dim(n) for n in range(12)] + [bad]))
                with self.assertRaisesRegex(ValueError, "line 13"):
                    finetune.read_data(path)

    def test_too_few_lines_are_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "data.jsonl"
            path.write_text("\n".join(dim(n) for n in range(9)))
            with self.assertRaisesRegex(ValueError, "at least 10"):
                finetune.read_data(path)


class Packing(unittest.TestCase):
    def test_every_example_is_in_a_row_with_its_own_tools_visible(self):
        examples = [finetune.read_example(dim(n)) for n in range(60)]
        packer = finetune.Packer(TOKENIZER)
        rows = packer.rows(examples, random.Random(1))
        self.assertEqual((packer.skipped, sum(int((r["gold"] > 0).sum()) for r in rows)), (0, 60))
        for row in rows:
            self.assertTrue(((row["gold"] & ~row["vis"]) == 0).all())
        said = set()
        for row in rows:
            for e in range(1, 1 + int(row["dec_seg"].max())):
                said.add(TOKENIZER.decode(row["enc_tok"][row["enc_seg"] == QUERY_SEGMENT + e][:-1].tolist()))
        self.assertEqual(said, {e["query"] for e in examples})

    def test_what_fits_no_row_is_counted(self):
        examples = [finetune.read_example(line("word " * 400, [])), finetune.read_example(dim(1))]
        packer = finetune.Packer(TOKENIZER)
        self.assertEqual((len(packer.rows(examples, random.Random(1))), packer.skipped), (1, 1))


class Run(unittest.TestCase):
    def test_it_learns_and_writes_a_file_that_reads(self):
        torch.manual_seed(1)
        torch.set_num_threads(1)
        san = SanFile(SAN(CONFIG).eval(), b"pieces", {"name": "tiny"})
        examples = [finetune.read_example(dim(n)) for n in range(12)]
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stderr(io.StringIO()) as out:
            args = argparse.Namespace(out=str(Path(folder) / "tuned.san"), epochs=6, seed=1)
            numbers = finetune.run(san, TOKENIZER, examples, args)
            back = read_san(args.out)
        losses = [float(text.split("loss ")[1].split(",")[0]) for text in out.getvalue().splitlines() if "loss" in text]
        self.assertLess(losses[-1], losses[0])
        self.assertEqual((numbers["held_out"], back.tokenizer, back.metadata), (2, b"pieces", {"name": "tiny"}))
        self.assertEqual(back.model.cfg, CONFIG)


class Calibration(unittest.TestCase):
    def test_it_finds_the_weights_that_made_the_data(self):
        rng = np.random.default_rng(1)
        x = np.c_[np.ones(4000), rng.normal(-3, 2, 4000), rng.random(4000) < 0.3]
        right = rng.random(4000) < calibrate.probability(x, np.array([-1.0, -0.6, -1.2]))
        weights, error, area = calibrate.calibrate(x, right)
        self.assertLess(np.abs(np.subtract(weights, [-1.0, -0.6, -1.2])).max(), 0.2)
        self.assertLess(error, 0.03)
        self.assertGreater(area, 0.7)

    def test_error_and_area_by_hand(self):
        p, right = np.array([0.9, 0.95, 0.2, 0.15]), np.array([1, 0, 0, 0])
        self.assertAlmostEqual(calibrate.calibration_error(p, right), (0.85 + 0.2 + 0.15) / 4)
        self.assertAlmostEqual(calibrate.auroc(p, right), 2 / 3)

    def test_too_few_answers_are_refused(self):
        with self.assertRaises(ValueError):
            calibrate.calibrate([[1, 0, 0]] * 20, [True, False] * 10)

    def test_answers_compare_by_meaning(self):
        call = {"name": "f", "arguments": {"a": " Two  words", "n": 2}}
        self.assertTrue(is_exact([call], [[], [{"name": "f", "arguments": {"n": 2.0, "a": "two words"}}]]))
        for other in ({"a": "two words"}, {"a": "two words", "n": "2"}, {"a": "two words", "n": 2, "x": None}, {"a": "two words", "n": True}):
            self.assertFalse(is_exact([call], [[{"name": "f", "arguments": other}]]))
        self.assertFalse(is_exact(None, [[]]))
        self.assertEqual(asked([{"name": "f", "arguments": {"a": None}}]), [])


if __name__ == "__main__":
    unittest.main()
