"""Writes training/eval/banned_queries.json: hashes of evaluation queries that no training example may equal.

    python3 -m training.data.ban ../shared/eval/dev.jsonl
"""
import json
import sys

from training.data.generate import BANNED
from training.data.tasks import fingerprint


def main(paths):
    out = {fingerprint(json.loads(line)["query"]) for path in paths for line in open(path, encoding="utf-8") if line.strip()}
    with open(BANNED, "w", encoding="utf-8") as f:
        json.dump(sorted(out), f, indent=0)
    print(f"{BANNED}: {len(out)} queries")


if __name__ == "__main__":
    main(sys.argv[1:])
