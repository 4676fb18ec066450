"""Collects the public data that the generator needs into one folder small enough to travel.

    python3 -m training.data.build_corpus --source ../shared/data --out .cache/corpus

Prose, dialogues, documentation and multilingual text are kept; the driest reference texts are thinned
out (SHARES) so that the folder stays under 48 MiB.
"""
import argparse
import json
import lzma
import os
import shutil
import zlib

# Share of the lines kept, 1 where a file is not named. Lines are shuffled in the sources.
SHARES = {
    "classic_books": 0.36, "ms_powershell_docs": 0.0, "ms_dev_docs": 0.0, "ms_office_docs": 0.2, "peps_security_docs": 0.25,
    "web_dev_docs": 0.4, "world_factbook": 0.3, "wordnet_glosses": 0.45, "qa_trivia": 0.5, "gov_plain_language": 0.6, "openstax": 0.8,
}
# Not used by the generator, or held back as evaluation data of public benchmarks.
LEFT_OUT = {"nl_to_call.jsonl.xz", "callnavi.jsonl.xz", "ste_toolbench50.jsonl.xz", "seq_multiwoz.jsonl.xz"}


def kept(line, share):
    return zlib.crc32(line.encode()) % 10000 < share * 10000


def thin(source, target, share):
    with lzma.open(source, "rt", encoding="utf-8", newline="\n") as f, \
            lzma.open(target, "wt", encoding="utf-8", newline="\n", preset=9) as out:
        out.writelines(line for line in f if kept(line, share))


def copy_folder(source, target, suffixes):
    os.makedirs(target, exist_ok=True)
    for name in sorted(os.listdir(source)):
        if not name.endswith(suffixes) or name in LEFT_OUT:
            continue
        share = SHARES.get(name.removesuffix(".txt.xz"), 1)
        if share == 1:
            shutil.copyfile(os.path.join(source, name), os.path.join(target, name))
        elif share > 0:
            thin(os.path.join(source, name), os.path.join(target, name), share)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", default="../shared/data")
    parser.add_argument("--out", default=".cache/corpus")
    args = parser.parse_args()
    for folder in ("nlu", "fc", "text"):
        copy_folder(os.path.join(args.source, folder), os.path.join(args.out, folder), (".xz", ".json"))
    entities = {}
    folder = os.path.join(args.source, "text", "entities")
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), encoding="utf-8") as f:
            entities[name.removesuffix(".txt")] = f.read().splitlines()
    with lzma.open(os.path.join(args.out, "entities.json.xz"), "wt", encoding="utf-8", preset=9) as f:
        json.dump(entities, f, ensure_ascii=False)
    size = sum(os.path.getsize(os.path.join(d, f)) for d, _, files in os.walk(args.out) for f in files)
    print(f"{args.out}: {size / 2**20:.1f} MiB")


if __name__ == "__main__":
    main()
