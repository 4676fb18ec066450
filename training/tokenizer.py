"""Trains model/tokenizer.model: SentencePiece BPE, 8192 pieces, on a sample of the training mix.

    python3 -m training.tokenizer --corpus .cache/corpus --out model/tokenizer.model

Identity normalisation, bytes for rare characters, single digits. <tool_call> and <tools> are control
pieces, so a text that spells them stays ordinary text.
"""
import argparse
import os
import random
import tempfile

import sentencepiece

from training.data.cards import fill, parse_card
from training.data.corpus import DEFAULT_CORPUS, Corpus, card_records
from training.render import answer_text, tool_text

PAD, EOS, BOS, UNK, TOOL_CALL, TOOLS = range(6)
PIECES = 8192
MIB = 2**20
# Characters below this share of the text are spelled in bytes: CJK does not eat the vocabulary.
COVERAGE = 0.9993
TEXT_BUDGET, MULTILINGUAL_BUDGET, TOOL_BUDGET = 30 * MIB, 3 * MIB, 9 * MIB


def _sample(lines, budget, rng):
    """A prefix of `lines` after shuffling, at most `budget` characters."""
    lines = list(lines)
    rng.shuffle(lines)
    for line in lines:
        budget -= len(line)
        if budget < 0:
            return
        yield line


def text_lines(corpus, rng):
    names = corpus.names("text", ".txt.xz")
    english = [n for n in names if n not in ("multilingual", "tatoeba_en_zh")]
    sizes = {n: os.path.getsize(corpus.path(f"text/{n}.txt.xz")) for n in english}
    # Square roots: small files of dialogues and instructions count for more than their size.
    total = sum(s**0.5 for s in sizes.values())
    for n in english:
        yield from _sample(corpus.lines(f"text/{n}.txt.xz"), TEXT_BUDGET * sizes[n]**0.5 / total, rng)
    yield from _sample(corpus.lines("text/multilingual.txt.xz"), MULTILINGUAL_BUDGET, rng)


def card_lines(corpus, rng):
    """Tools, queries and answers of the cards and scenes."""
    for _, _, record in card_records():
        if "cases" in record:
            yield from (tool_text(t) for t in record["tools"])
            for case in record["cases"]:
                yield case["q"]
                yield answer_text(record["tools"], case["a"])
            continue
        card = parse_card(record, corpus)
        yield tool_text(card.tool)
        for utterance in card.utterances:
            query, arguments = fill(utterance, card.tool["parameters"], rng)
            yield query
            yield answer_text([card.tool], [{"name": card.tool["name"], "arguments": arguments}])


def public_lines(corpus, rng):
    tools = [tool_text(t) for t in corpus.records("text/openapi_tools.jsonl.xz")]
    tools += [tool_text(t) for t in corpus.records("fc/tool_pool.jsonl.xz")]
    yield from _sample(tools, TOOL_BUDGET, rng)
    for name in corpus.names("nlu", ".jsonl.xz"):
        records = list(corpus.records(f"nlu/{name}.jsonl.xz"))
        for r in rng.sample(records, min(2500, len(records))):
            yield r["query"]
            yield answer_text([], r["answers"])


def train(corpus, out, seed):
    rng = random.Random(seed)
    lines = [line for source in (text_lines, card_lines, public_lines) for line in source(corpus, rng)]
    rng.shuffle(lines)
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as f:
        f.writelines(line.replace("\n", " ") + "\n" for line in lines)
        f.flush()
        print(f"{len(lines)} lines, {os.path.getsize(f.name) / MIB:.1f} MiB")
        sentencepiece.SentencePieceTrainer.train(
            input=f.name, model_prefix=out.removesuffix(".model"), model_type="bpe", vocab_size=PIECES,
            byte_fallback=True, normalization_rule_name="identity", add_dummy_prefix=True,
            remove_extra_whitespaces=False, split_digits=True, character_coverage=COVERAGE,
            required_chars="".join(map(chr, range(33, 127))), max_sentence_length=16384, num_threads=2,
            pad_id=PAD, eos_id=EOS, bos_id=BOS, unk_id=UNK, control_symbols=["<tool_call>", "<tools>"],
            shuffle_input_sentence=False, minloglevel=1)
    os.remove(out.removesuffix(".model") + ".vocab")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", default=DEFAULT_CORPUS)
    parser.add_argument("--out", default="model/tokenizer.model")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    train(Corpus(args.corpus), args.out, args.seed)


if __name__ == "__main__":
    main()
