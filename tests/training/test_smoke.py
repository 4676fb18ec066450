"""Training learns a toy task, survives a resume, quantization and an export (training/smoke.py)."""
import tempfile
import unittest

from training import smoke


class Smoke(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with tempfile.TemporaryDirectory() as directory:
            cls.results = smoke.run(directory, quiet=True)

    def test_it_learns_the_toy_task(self):
        self.assertLess(self.results["untrained"]["val_exact"], 0.05)
        self.assertLess(self.results["float"]["val_loss"], 0.3)
        self.assertGreater(self.results["float"]["val_exact"], 0.8)

    def test_quantized_it_is_as_good(self):
        self.assertGreater(self.results["quantized"]["val_exact"],
                           self.results["float"]["val_exact"] - 0.03)

    def test_regularized_training_keeps_what_was_learned_in_the_averaged_weights(self):
        self.assertGreater(self.results["regularized"]["val_exact"], 0.9)

    def test_a_resumed_run_starts_from_the_saved_state(self):
        self.assertTrue(self.results["resumed"])

    def test_an_export_reads_back_bit_for_bit(self):
        self.assertTrue(self.results["exported"])


if __name__ == "__main__":
    unittest.main()
