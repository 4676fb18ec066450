"""The committed golden is what the code writes; decoding equals the teacher-forced network."""
import json
from pathlib import Path
import unittest

import numpy as np
import torch

from training import golden
from training.decode import greedy
from training.export import load_weights

DIRECTORY = Path(__file__).parents[1] / "golden" / "san"


class Golden(unittest.TestCase):
    def test_the_exported_model_gives_the_committed_outputs(self):
        model = load_weights(DIRECTORY / "model.safetensors")
        committed = json.loads((DIRECTORY / "cases.json").read_text())
        for cases in committed.values():
            for c in cases:
                again = golden.case(model, c["tools"], c["query"][:-1], c["decoder"])
                for key in ("encoder", "logits", "contrastive"):
                    self.assertLess(np.abs(np.subtract(again[key], c[key])).max(), 1e-4, key)
                difference = np.subtract(again["logits_int8"], c["logits_int8"])
                self.assertLess(np.abs(difference).max(), 0.1)

    def test_int8_emulation_stays_near_float_but_is_not_it(self):
        for cases in json.loads((DIRECTORY / "cases.json").read_text()).values():
            for c in cases:
                error = np.abs(np.subtract(c["logits"], c["logits_int8"])).max()
                self.assertLess(error, 0.15)
                self.assertGreater(error, 1e-4)

    def test_greedy_decoding_with_a_cache_and_padding_equals_teacher_forcing(self):
        model = load_weights(DIRECTORY / "model.safetensors")
        examples = [([[10, 11, 12], [13, 14]], [20, 21]),
                    ([[13, 14, 9, 8], [30, 31], [33]], [20, 21, 40, 50])]
        for (tools, query), answer in zip(examples, greedy(model, examples, limit=5)):
            with torch.no_grad():
                _, logits = golden.run(model, tools, query, [1, 4, *answer.pieces])
            best = logits.log_softmax(-1)[1:].max(-1)
            count = len(answer.log_probabilities)
            wanted = best.indices.tolist()[:count]
            self.assertEqual(wanted[:len(answer.pieces)], answer.pieces)
            for got, want in zip(answer.log_probabilities, best.values.tolist()):
                self.assertAlmostEqual(got, want, places=4)


if __name__ == "__main__":
    unittest.main()
