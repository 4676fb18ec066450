"""Model dimensions and training stages, in one place."""
from dataclasses import asdict, dataclass
import json

PAD, EOS, BOS, UNK, TOOL_CALL, TOOLS = range(6)  # piece ids, src/prompt/FORMAT.md
QUERY_SEGMENT = 64  # enc_seg of query e (1..48) is 64 + e; tools are 1..48; 0 is padding


@dataclass(frozen=True)
class ModelConfig:
    """A Simple Attention Network; defaults are the model that ships."""

    vocab_size: int = 8192
    d_model: int = 512
    num_heads: int = 8
    num_kv_heads: int = 4
    num_encoder_layers: int = 12
    num_decoder_layers: int = 8
    max_seq_len: int = 4096  # encoder tokens of all visible segments together
    rope_theta: float = 10000.0
    contrastive_dim: int = 128
    attention: str = "tool_isolated"  # or "bidirectional"
    text_format: str = "thimble"  # or "needle"
    calibration: tuple = ()

    @property
    def head_dim(self):
        return self.d_model // self.num_heads

    def to_json(self):
        return json.dumps(asdict(self))

    @staticmethod
    def from_json(text):
        fields = json.loads(text)
        fields["calibration"] = tuple(fields.get("calibration", ()))
        return ModelConfig(**fields)


@dataclass(frozen=True)
class StageConfig:
    """How one stage trains. Learning rates are multiplied by `lr_start` until `flat_fraction` of
    the run, then fall linearly to `lr_end` times the base rate."""

    name: str
    init: str = ""  # stage whose last checkpoint this one starts from
    keep_optimizer: bool = False  # take that checkpoint's optimizer state along
    rows_per_gpu: int = 64
    muon_lr: float = 0.02
    muon_momentum: float = 0.95
    adamw_lr: float = 1e-3
    warmup_steps: int = 60
    lr_start: float = 1.0
    lr_end: float = 0.02
    flat_fraction: float = 0.6
    contrastive_rows: int = 0  # rows of each batch encoded a second time, queries alone
    contrastive_weight: float = 0.1
    temperature: float = 0.07
    quantized: bool = False
    weight_decay: float = 0.0  # of matrices, times the learning rate a step (Loshchilov and Hutter, 2019)
    text_share: float = 0.0  # of the rows of a batch that are text rows
    tool_dropout: float = 0.0  # share of the tool pieces, none that the row's answers hold, read as <unk>
    dropout: float = 0.0  # of what each attention sublayer adds
    ema_decay: float = 0.0  # of an average of the weights that is saved beside them; 0: none
    data: str = ""  # stage whose shards are read; own name if empty

    @property
    def shard_stage(self):
        return self.data or self.name


STAGES = {
    "text": StageConfig("text", lr_end=0.1),
    "tasks": StageConfig("tasks", init="text", contrastive_rows=8),
    "qat": StageConfig("qat", init="tasks", keep_optimizer=True, data="tasks", contrastive_rows=8,
                       quantized=True, warmup_steps=10, lr_start=0.15, lr_end=0.0,
                       flat_fraction=0.2),
}
