"""Rows of fixed shape: many queries share the tool segments of a row (attention `tool_isolated`).

The single source of the layout. A shard is a .npy array of records of type ROW; one record:
  enc_tok uint16[T]   encoder tokens
  enc_seg uint8[T]    0 padding, k = 1..48 tool segment k, 64 + e the segment of query e = 1..48;
                      positions count from 0 within a segment
  vis     uint64[48]  bit k-1 of vis[e-1] is set when query e sees tool segment k
  dec_tok uint16[D]   decoder inputs: eos, <tool_call>, answer
  dec_seg uint8[D]    0 padding, else e
  dec_tgt uint16[D]   the next token of the segment, eos at its end; 0: no loss
  gold    uint64[48]  bits of the tool segments that the answer of query e calls; 0 when none
Unused entries are 0.
"""
import numpy as np

T = 1024
D = 512       # rows of tool calling
TEXT_D = 256  # rows of the text stage
MAX_TOOLS = 48
MAX_QUERIES = 48
QUERY_BASE = 64
PAD, EOS, TOOL_CALL, TOOLS = 0, 1, 4, 5
MAX_TOOL_PIECES, MAX_QUERY_PIECES, MAX_ANSWER_PIECES = 400, 240, 260



def row_dtype(decoder=D):
    """The record type; rows of the text stage have a shorter decoder (TEXT_D)."""
    return np.dtype([("enc_tok", "u2", (T,)), ("enc_seg", "u1", (T,)), ("vis", "u8", (MAX_QUERIES,)), ("dec_tok", "u2", (decoder,)),
                     ("dec_seg", "u1", (decoder,)), ("dec_tgt", "u2", (decoder,)), ("gold", "u8", (MAX_QUERIES,))])


ROW, TEXT_ROW = row_dtype(), row_dtype(TEXT_D)


class RowBuilder:
    """Fills one record of an array of zeros of type ROW or TEXT_ROW."""

    def __init__(self, record):
        self.out = {name: record[name] for name in ROW.names}
        self.decoder = len(record["dec_tok"])
        self.enc, self.dec, self.tools, self.queries = 0, 0, 0, 0

    def room(self):
        """(encoder tokens, decoder tokens) left."""
        return T - self.enc, self.decoder - self.dec

    def _put(self, ids, segment):
        end = self.enc + len(ids)
        self.out["enc_tok"][self.enc:end] = ids
        self.out["enc_seg"][self.enc:end] = segment
        self.enc = end

    def add_tool(self, ids):
        """The tool's segment number, or 0 when it does not fit."""
        if self.tools == MAX_TOOLS or self.enc + len(ids) > T:
            return 0
        self.tools += 1
        self._put(ids, self.tools)
        return self.tools

    def fits(self, query_ids, target_ids):
        return (self.queries < MAX_QUERIES and self.enc + len(query_ids) + 1 <= T
                and self.dec + len(target_ids) + 2 <= self.decoder)

    def add_query(self, query_ids, target_ids, visible=(), gold=()):
        """A query (without its end piece) and its answer's pieces; `visible`, `gold`: tool segments."""
        if not self.fits(query_ids, target_ids):
            return False
        self.queries += 1
        self._put([*query_ids, TOOLS], QUERY_BASE + self.queries)
        end = self.dec + len(target_ids) + 2
        self.out["dec_tok"][self.dec:end] = [EOS, TOOL_CALL, *target_ids]
        self.out["dec_tgt"][self.dec:end] = [TOOL_CALL, *target_ids, EOS]
        self.out["dec_seg"][self.dec:end] = self.queries
        self.dec = end
        self.out["vis"][self.queries - 1] = sum(1 << (k - 1) for k in visible)
        self.out["gold"][self.queries - 1] = sum(1 << (k - 1) for k in gold)
        return True
