"""The PyTorch model gives the numbers of the original implementation (../shared/reference)."""
import json
from pathlib import Path
import unittest

import numpy as np
import torch

from training import masks
from training.needle import load_needle

REFERENCE = Path(__file__).parents[3] / "shared" / "reference"


NO_TOOLS = torch.zeros(1, 48, dtype=torch.int64)


def encode(model, ids):
    """ids (1, T), all in one segment -> states (1, T, d)."""
    mask = masks.dense_mask(masks.encoder_relation(torch.full_like(ids, 65), NO_TOOLS))
    return model.encode(ids, torch.arange(ids.shape[1])[None], mask)


def run(model, case):
    """Encoder states (T, d), logits (D, vocab) and contrastive vector of the query, numpy."""
    encoder, decoder, query = (
        torch.tensor([case[k]], dtype=torch.int64) for k in ("encoder_ids", "decoder_ids", "query_ids"))
    enc_seg, dec_seg = torch.full_like(encoder, 65), torch.ones_like(decoder)
    with torch.no_grad():
        states = encode(model, encoder)
        alone = encode(model, query) if query.numel() else states
        hidden = model.decode(decoder, torch.arange(decoder.shape[1])[None], states,
                              masks.dense_mask(masks.decoder_relation(dec_seg)),
                              masks.dense_mask(masks.cross_relation(dec_seg, enc_seg, NO_TOOLS)))
        return (states[0].numpy(), model.logits(hidden)[0].numpy(),
                model.contrastive(alone.mean(1))[0].numpy())


class ReferenceParity(unittest.TestCase):
    def test_all_36_cases(self):
        cases = json.loads((REFERENCE / "cases.json").read_text())["cases"]
        arrays = json.loads((REFERENCE / "arrays.json").read_text())
        self.assertEqual(len(cases), 36)
        model = load_needle(REFERENCE / "needle.pkl").eval()
        for i, case in enumerate(cases):
            with self.subTest(case=i):
                states, logits, vector = run(model, case)
                self.assertLess(np.abs(states[0, :8] - case["encoder_first"]).max(), 1e-4)
                self.assertLess(np.abs(states[-1, :8] - case["encoder_last"]).max(), 1e-4)
                self.assertEqual(logits.argmax(-1).tolist(), case["logits_argmax"])
                for token, value in case["logits_last_top"]:
                    self.assertLess(abs(logits[-1, token] - value), 1e-3)
                if case["contrastive"] is not None:
                    self.assertLess(np.abs(vector - case["contrastive"]).max(), 1e-4)
                if f"enc{i}" in arrays:
                    self.assertLess(np.abs(states - arrays[f"enc{i}"]).max(), 1e-4)
                    self.assertLess(np.abs(logits[-1] - arrays[f"logits{i}"]).max(), 1e-3)


if __name__ == "__main__":
    unittest.main()
