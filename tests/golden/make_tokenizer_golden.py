#!/usr/bin/python3
"""Writes tokenizer.json and the small models in tokenizer/: what the real SentencePiece answers.

Usage: tests/golden/make_tokenizer_golden.py
Needs the Python package sentencepiece (0.1.97 made the committed files), ../shared/reference and
model/tokenizer.model. The C++ test (tests/core/tokenizer_test.cc) compares ids and text exactly.

tokenizer.json: {"sentencepiece": version,
  "texts": [hex of UTF-8 bytes, which may be invalid],
  "models": {name: {"encode": [ids of each text], "decode": [[ids, text], ...]}}}
The models are "reference", "thimble" and one for each file in tokenizer/ (see MODELS).
"""
import io
import json
import random
import struct
from pathlib import Path

import sentencepiece

HERE = Path(__file__).parent
ROOT = HERE.parent.parent

SENTENCES = [
    "What's the weather in Paris?", "dim the bedroom lights to 20", "set an alarm for 7:30 am tomorrow",
    "Play some jazz in the kitchen, please.", "turn the heating up by 2.5 degrees",
    "wake me up in 45 minutes",
    "remind me to call Mum at noon and to buy milk, eggs and bread", "book a table for four at 8pm",
    "add 'oat milk' to the shopping list", "How do you say \"thank you\" in Japanese?",
    '[{"name":"get_weather","description":"Get current weather for a city","parameters":{"location":{"type":"string"}}}]',
    '[{"name":"set_light","arguments":{"room":" bedroom","level":20}}]',
    '"set_light" Set the brightness of one room. ( "room"* [ kitchen | bedroom ]: Which room ; "level" integer 0..100 ) '
    "e.g. dim the bedroom | lights to 20",
    "https://example.org/a/b?c=d&e=f%20g#h", "user.name+tag@example.com", "C:\\temp\\new.txt",
    "x = (a + b) * c / d - 1e-9",
    "0123456789 00 007 1,000,000 3.14159", "+49 170 1234567", "2024-02-29T23:59:60Z",
    "SHOUTING and camelCase and snake_case",
    "Wie wird das Wetter morgen in München?", "Enciende la luz del salón, ¿vale?",
    "Éteins la lumière de la cuisine, s'il te plaît",
    "Включи свет на кухне", "Άναψε το φως στην κουζίνα", "打开厨房的灯", "キッチンの電気をつけて", "부엌 불을 켜 줘",
    "أضئ مصباح المطبخ",
    "הדלק את האור במטבח", "रसोई की बत्ती जलाओ", "เปิดไฟในครัว", "Bật đèn nhà bếp", "Mutfak ışığını aç",
    "Włącz światło w kuchni",
    "😀", "lights 💡 on 👍🏽", "👨‍👩‍👧‍👦 family", "🏳️‍🌈🇫🇷", "e\u0301 é", "ﬁ ½ Å K", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢",
    "\U00010348\U0010FFFF", "naïve café – “quotes” … ‘x’",
    "aaaaaaaaaaaaaaaaaaaaaaa", "abababababab", "thethethethe", "inging ing", "hahahahaha!!!!!!!!",
    "---------", "......",
]
WHITE_SPACE = [
    "", " ", "  ", "   ", "a", " a", "a ", "  a  b   c  ", "\t", "a\tb", "\n", "a\nb\r\nc", " \t\n ",
    "\u00a0", "a\u00a0b", "\u3000全角\u3000",
    "\u2581", "\u2581\u2581", "a\u2581b", " \u2581 ", "\u2581a\u2581", "a\u2581", "\u2028\u2029",
    "\u200b\u200d\ufeff", "x" + " " * 30 + "y",
]
SPECIALS = [
    "<tools>", "<tool_call>", " <tools> ", "a<tools>b", "<tools><tools>", "<too", "<tools", "tools>",
    "<TOOLS>", "< tools >", "<tool_call><tools>",
    "<pad>", "<s>", "</s>", "<unk>", "<0x41>", "<0x00>", "<0xFF>", "<0xff>", "a <s> b",
    "query <tools> [{\"name\": \"x\"}]", "<<tools>>",
    "abcd", "abc", "ab", "bcd", "xabcdab", "a b", "in g", "日本語日", "ing ing ", " the the",
]
CONTROL = [
    "\0", "a\0b", "\x01\x02\x03", "\x1b[31mred\x1b[0m", "\x7f", "\u0085", "\ufffd", "\ufffd\ufffd",
    "\ufffe\uffff", "\ue000",
]
INVALID = [
    b"\xff", b"\xfe\xff", b"\x80", b"a\x80b", b"\xc3", b"\xc3(", b"caf\xc3", b"\xe2\x96",
    b"\xe2\x96\x81\x81", b"\xe2\x28\xa1", b"\xf0\x9f\x98", b"\xf0\x9f\x98x",
    b"\xc0\x80", b"\xc1\xbf", b"\xe0\x80\x80", b"\xe0\x9f\xbf", b"\xed\xa0\x80", b"\xed\xbf\xbf",
    b"\xf0\x80\x80\x80", b"\xf0\x8f\xbf\xbf", b"\xf4\x90\x80\x80",
    b"\xf5\x80\x80\x80", b"\xf8\x88\x80\x80\x80", b"\xfc\x84\x80\x80\x80\x80", b" \xff ", b"\xff \xff",
    b"\xe6\x97\xa5\xe6\x9c", b"\xef\xbf", b"<tools\xff>", b"\xf4\x8f\xbf\xbf",
]


def random_texts(rng):
    """Splices of the texts above, their halves and random bytes."""
    parts = [t.encode() for t in SENTENCES + WHITE_SPACE + SPECIALS + CONTROL] + INVALID
    for _ in range(160):
        text = b""
        for _ in range(rng.choice([2, 3, 4, 8])):
            part = rng.choice(parts)[:60]
            start = rng.randrange(len(part) + 1)
            noise = bytes(rng.randrange(256) for _ in range(2))
            text += rng.choice([part[start:], part[:start], noise, b" "])
        yield text


def wire(number, value):
    """One protobuf field: int -> varint, float -> fixed32, bytes -> length-delimited."""
    def varint(v):
        return bytes([v]) if v < 128 else bytes([v & 127 | 128]) + varint(v >> 7)
    if isinstance(value, float):
        return varint(number << 3 | 5) + struct.pack("<f", value)
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def model_bytes(pieces, trainer, normalizer):
    """A ModelProto. pieces: (text, score, type); trainer, normalizer: {field number: value}."""
    out = b"".join(wire(1, wire(1, text.encode()) + wire(2, score) + wire(3, kind))
                   for text, score, kind in pieces)
    return out + b"".join(wire(number, b"".join(wire(*field) for field in spec.items()))
                          for number, spec in ((2, trainer), (3, normalizer)))


def learn_pieces(count):
    """(text, score) of `count` pieces that SentencePiece learns from the texts above."""
    out = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([s for s in SENTENCES + SPECIALS for _ in range(5)]), model_writer=out,
        model_type="bpe", vocab_size=count, character_coverage=0.98,
        normalization_rule_name="identity", num_threads=1, minloglevel=2)
    sp = sentencepiece.SentencePieceProcessor(model_proto=out.getvalue())
    return [(sp.id_to_piece(i), sp.get_score(i)) for i in range(3, count)]  # 0 to 2: unk, s, /s


NORMAL, UNKNOWN, CONTROL_PIECE, USER_DEFINED, UNUSED, BYTE = range(1, 7)
BYTES = [(f"<0x{b:02X}>", 0.0, BYTE) for b in range(256)]
SYMBOLS = ["ab", "abc", "bcd", "<too", " the", "\u2581in", "日本", "日", "e", "ing ", "  ", "a b", "\t"]


def small_models():
    """Models that together use every feature the section format has, each about 5 kB."""
    rng = random.Random(2)
    learned = learn_pieces(420)
    special = [(text, 0.0, UNKNOWN if text == "<unk>" else CONTROL_PIECE)
               for text in ("<pad>", "</s>", "<s>", "<unk>", "<tool_call>", "<tools>")]
    normal = [(text, score, NORMAL) for text, score in learned]
    user_defined = [(text, 0.0, USER_DEFINED) for text in ["<tool_call>", "<tools>"] + SYMBOLS]
    with_symbols = special[:4] + user_defined + BYTES + [p for p in normal if p[0] not in SYMBOLS]
    unused = [(t, s, UNUSED if rng.random() < 0.35 else NORMAL) for t, s, _ in normal]
    ties = [(t, float(rng.randrange(-6, 3)), kind) for t, _, kind in unused]
    bpe, suffix, fallback, surface = {3: 2}, {24: 1}, {35: 1}, {44: "<?>".encode()}

    def white_space(prefix, trim, escape=1):
        return {1: b"identity", 3: prefix, 4: trim, 5: escape}
    yield "no_bytes", model_bytes(special + normal, bpe, white_space(1, 1))
    yield "suffix", model_bytes(special + BYTES + normal, bpe | suffix | fallback, white_space(1, 0))
    yield "symbols", model_bytes(with_symbols, bpe | fallback | surface, white_space(1, 1))
    yield "symbols_unescaped", model_bytes(with_symbols, bpe | fallback, white_space(0, 1, 0))
    yield "unused", model_bytes(special + BYTES + unused, bpe | fallback, white_space(1, 0))
    yield "unused_ties", model_bytes(special + ties, bpe, white_space(0, 0))


def golden(sp, texts, rng):
    size = sp.get_piece_size()
    encoded = [sp.encode(text) for text in texts]
    decode = [ids for ids in encoded[:60] if len(ids) < 60]
    for _ in range(120):
        decode.append([rng.choice([rng.randrange(size), rng.randrange(min(size, 280)), rng.randrange(8)])
                       for _ in range(rng.choice([0, 1, 2, 3, 6, 12]))])
    spaces = [i for i in range(size) if sp.id_to_piece(i).startswith("\u2581")]
    bare = [i for i in spaces if not sp.id_to_piece(i).strip("\u2581")]
    for _ in range(60):  # what is dropped at the front
        decode.append([rng.choice([rng.choice(bare), rng.choice(spaces), rng.randrange(8)])
                       for _ in range(rng.choice([1, 2, 3, 4]))])
    return {"encode": encoded, "decode": [[ids, sp.decode(ids)] for ids in decode]}


def main():
    texts = [t.encode() for t in SENTENCES + WHITE_SPACE + SPECIALS + CONTROL] + INVALID
    texts += random_texts(random.Random(1))
    texts.append(" ".join(SENTENCES).encode() * 2)  # long
    (HERE / "tokenizer").mkdir(exist_ok=True)
    models = {"reference": (ROOT / "../shared/reference/tokenizer.model").read_bytes(),
              "thimble": (ROOT / "model/tokenizer.model").read_bytes()}
    for name, proto in small_models():
        (HERE / "tokenizer" / f"{name}.model").write_bytes(proto)
        models[name] = proto
    out = {"sentencepiece": sentencepiece.__version__, "texts": [t.hex() for t in texts], "models": {
        name: golden(sentencepiece.SentencePieceProcessor(model_proto=proto), texts, random.Random(3))
        for name, proto in models.items()}}
    text = json.dumps(out, separators=(",", ":"), ensure_ascii=False)
    lines = text.replace(']],"decode"', ']],\n"decode"').replace('},"', '},\n"') + "\n"
    (HERE / "tokenizer.json").write_text(lines)
    print(f"{len(texts)} texts, {len(models)} models, {len(text)} bytes")


if __name__ == "__main__":
    main()
