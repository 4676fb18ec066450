"""The split by tool: about 8 % of the cards and of the scenes are never trained on."""
import zlib

HELD_OUT_PERCENT = 8


def held_out(domain, name):
    """True for tools of the `unseen` validation split. The same name in the same domain goes the same way."""
    return zlib.crc32(f"{domain}/{name}".lower().encode()) % 100 < HELD_OUT_PERCENT


def scene_held_out(record):
    return held_out(record["domain"], record["tools"][0]["name"])
