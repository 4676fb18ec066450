"""training/san.py and training/quantize.py against the packer (js/pack) and the shipped file."""
from pathlib import Path
import subprocess
import tempfile
import unittest

import numpy as np
import torch

from training.export import load_weights
from training.quantize import fake_quantize, quantize_array, quantize_rows, round_at_random
from training.san import SanFile, read_san, tensor_bytes, write_san

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden" / "san" / "model.safetensors"
SHIPPED = ROOT / "model" / "thimble.san"
PACK_MATRIX = """
import {{ readFileSync, writeFileSync }} from 'node:fs';
import {{ writeMatrixI8 }} from '{root}/js/pack/matrix.ts';
const bytes = new Uint8Array(readFileSync('{folder}/weights'));
const buffer = new ArrayBuffer({padded} * 4 + {padded} * {cols});
writeMatrixI8(buffer, 0, new Float32Array(bytes.buffer), {rows}, {cols});
writeFileSync('{folder}/packed', new Uint8Array(buffer));
"""


def packed_by_js(weights):
    rows, cols = weights.shape
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "weights").write_bytes(weights.astype("<f4").tobytes())
        script = Path(folder) / "pack.mts"
        script.write_text(PACK_MATRIX.format(root=ROOT, folder=folder, rows=rows, cols=cols, padded=-(-rows // 32) * 32))
        subprocess.run([ROOT / "node_modules" / ".bin" / "tsx", script], check=True, cwd=ROOT)
        return (Path(folder) / "packed").read_bytes()


class Quantizer(unittest.TestCase):
    def test_a_matrix_is_packed_as_the_packer_packs_it(self):
        rng = np.random.default_rng(1)
        weights = rng.normal(0, 0.05, (2000, 512)).astype(np.float32)
        weights[3], weights[4] = 0, 1e-31  # zero rows
        weights[5] = np.round(weights[5] * 64) / 64  # many halves
        weights[6] = 1e-29
        self.assertEqual(packed_by_js(weights), tensor_bytes(weights))

    def test_rows_below_the_threshold_are_zero(self):
        codes, scale = quantize_array(np.array([[1e-31, -9e-31], [1e-30, 0], [0, 0]], np.float32))
        self.assertEqual(codes.tolist(), [[0, 0], [127, 0], [0, 0]])
        self.assertEqual((scale == 0).tolist(), [True, False, True])

    def test_rounding_passes_gradients_through(self):
        x = torch.tensor([[0.3, -1.0, 0.0]], requires_grad=True)
        values, scale = quantize_rows(x)
        (values * scale).sum().backward()
        self.assertTrue(torch.allclose(x.grad, torch.ones(1, 3)))


class ModelFile(unittest.TestCase):
    def test_rounding_at_random_keeps_the_mean_and_the_codes(self):
        x = torch.randn(64, 512, generator=torch.Generator().manual_seed(1))
        step = x.abs().amax(-1, keepdim=True) / 127
        rounded = [round_at_random(x, torch.Generator().manual_seed(seed)) for seed in range(200)]
        self.assertLess((torch.stack(rounded).mean(0) - x).abs().div(step).max().item(), 0.2)  # five standard errors
        self.assertLess((rounded[0] - fake_quantize(rounded[0])).abs().div(step).max().item(), 1e-3)

    def test_the_shipped_file_reads_and_writes_back_bit_for_bit(self):
        with tempfile.TemporaryDirectory() as folder:
            again = Path(folder) / "again.san"
            write_san(again, read_san(SHIPPED))
            self.assertEqual(again.read_bytes(), SHIPPED.read_bytes())

    def test_float_weights_come_back_within_half_a_step(self):
        model = load_weights(GOLDEN)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "golden.san"
            write_san(path, SanFile(model, b"pieces", {"name": "golden"}))
            back = read_san(path)
        self.assertEqual((back.tokenizer, back.metadata), (b"pieces", {"name": "golden"}))
        self.assertEqual(back.model.cfg, model.cfg)
        for (name, a), b in zip(model.named_parameters(), back.model.parameters()):
            step = a.abs().amax(-1, keepdim=True) / 127 if a.dim() == 2 else torch.zeros(1)
            self.assertTrue(((a - b).abs() <= step * 0.5001).all(), name)

    def test_damaged_files_are_refused(self):
        data = bytearray(SHIPPED.read_bytes())
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "bad.san"
            for broken in (b"", data[:1000], b"\0" + data[1:], data[:-1], data[:2_000_000] + b"\x7f" + data[2_000_001:]):
                path.write_bytes(broken)
                with self.assertRaises(ValueError):
                    read_san(path)


if __name__ == "__main__":
    unittest.main()
