"""Writes tests/golden/pickle/: one checkpoint-like value as each pickle protocol spells it, for
tests/js/pickle.test.ts. Run with Debian's python3-numpy: /usr/bin/python3 tests/golden/make_pickle_golden.py
"""
import json
import pickle
from collections import OrderedDict
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent / "pickle"


def main():
    c_order = (np.arange(24, dtype=np.float32).reshape(2, 3, 4) - 7) / 8
    value = OrderedDict(
        params={
            "c": c_order.astype(np.float16),
            "fortran": np.asfortranarray(c_order),
            "scalar": np.array(0.25, np.float16),
            "numpy_scalar": np.float32(-1.5),
        },
        config={"d_model": 64, "large": 70000, "negative": -3, "huge": 2**40, "theta": 1e4,
                "name": "näh", "flag": True, "none": None, "list": [1, [2]], "tuple": (1, 2, 3, 4)},
    )
    FOLDER.mkdir(exist_ok=True)
    for protocol in (2, 3, 4, 5):
        (FOLDER / f"protocol{protocol}.pkl").write_bytes(pickle.dumps(value, protocol))
    (FOLDER / "values.json").write_text(json.dumps({
        "array": c_order.ravel().tolist(),
        "config": value["config"],
    }, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
