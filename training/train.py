"""Trains one stage: python3 -m training.train --stage text --shards DIR --run DIR --minutes 8

Under torchrun every GPU reads its own shards; gradients are averaged in float32. The run ends
when `--minutes` (from process start, compilation included) are over: the number of steps is
planned from the measured throughput, so that the learning rate reaches its end in time. A stage
resumes from its own last checkpoint in the run directory, else starts from its `init` stage.
"""
import argparse
import dataclasses
import json
import os
from pathlib import Path
import random
import subprocess
import time

START = time.time()

import numpy as np  # noqa: E402
import torch  # noqa: E402
import torch.distributed as dist  # noqa: E402

from . import checkpoint, losses, masks, model as san  # noqa: E402
from .config import STAGES, ModelConfig  # noqa: E402
from .export import save_weights  # noqa: E402
from .loader import Loader, MixedLoader, to_device, to_tensors  # noqa: E402
from .optim import Optimizer  # noqa: E402
from .san import load_model  # noqa: E402

RESERVE_SECONDS = 12  # kept back for the last validation and checkpoint
VALIDATE_SECONDS = 90
VALIDATION_BATCHES = 4
CHECKPOINT_SECONDS = 150


def learning_rate_factor(stage, step, first, last):
    """Warm-up over the first steps of the stage; then flat; then linear down to `lr_end`."""
    progress = (step - first) / max(1, last - first)
    fall = min(1.0, max(0.0, (progress - stage.flat_fraction) / max(1e-9, 1 - stage.flat_fraction)))
    return min(1.0, (step + 1) / stage.warmup_steps) * (
        stage.lr_start + fall * (stage.lr_end - stage.lr_start))


class Cluster:
    """This process among its peers; a single process is a cluster of one."""

    def __init__(self):
        self.rank = int(os.environ.get("RANK", 0))
        self.world = int(os.environ.get("WORLD_SIZE", 1))
        cuda = torch.cuda.is_available()
        self.device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0))) if cuda else \
            torch.device("cpu")
        if cuda:
            torch.cuda.set_device(self.device)
        if self.world > 1:
            dist.init_process_group("nccl" if cuda else "gloo")

    def mean(self, tensor):
        if self.world > 1:
            dist.all_reduce(tensor)
            tensor /= self.world
        return tensor

    def from_first(self, tensor):
        if self.world > 1:
            dist.broadcast(tensor, 0)
        return tensor


class Trainer:
    """Model, optimizer and loss of one stage on one device."""

    def __init__(self, cfg, stage, cluster, attention, compiled):
        self.cfg, self.stage, self.cluster = cfg, stage, cluster
        self.device, self.step = cluster.device, 0
        self.model = san.SAN(cfg).to(self.device)
        self.model.attention, self.model.quantized = attention, stage.quantized
        self.model.compute_dtype = torch.bfloat16 if self.device.type == "cuda" else torch.float32
        if stage.dropout:
            self.model.dropout = torch.tensor(stage.dropout, device=self.device)
        self.token_loss, self.count_blocks = losses.token_loss, masks.count_blocks
        if attention == "sdpa":  # cuDNN's kernel is not known to be right with these masks
            torch.backends.cuda.enable_cudnn_sdp(False)
        if compiled:
            self._compile()
        self.optimizer = Optimizer(self.model, stage)
        self.parameters = list(self.model.parameters())
        self.average = [p.detach().clone() for p in self.parameters] if stage.ema_decay else []

    def _compile(self):
        import torch._dynamo
        config = torch._dynamo.config
        name = "recompile_limit" if hasattr(config, "recompile_limit") else "cache_size_limit"
        setattr(config, name, 64)
        for owner, name in ((self.model, "encoder_layer"), (self.model, "decoder_layer"),
                            (self.model, "final_norm"), (self, "token_loss"),
                            (self, "count_blocks")):
            setattr(owner, name, torch.compile(getattr(owner, name), dynamic=False))

    def prepare(self, batch, extra, dropout=0.0):
        batch = to_device(batch, self.device)
        batch = losses.drop_tool_pieces(batch, dropout) if dropout else batch
        return losses.prepare(batch, extra, self.model.attention,
                              self.model.compute_dtype, self.count_blocks)

    def losses(self, batch):
        """-> token loss and contrastive loss, both means."""
        stage = self.stage
        p = self.prepare(batch, stage.contrastive_rows, stage.tool_dropout)
        states, hidden = losses.forward(self.model, p)
        target = p.batch["dec_tgt"]
        token = self.token_loss(hidden, self.model.embedding, target, stage.quantized)
        token = token / (target != 0).sum().clamp_min(1)
        if not stage.contrastive_rows:
            return token, torch.zeros_like(token)
        extra = states[-stage.contrastive_rows:]
        return token, losses.contrastive_loss(self.model, extra, p, stage.temperature)

    def train_step(self, batch, factor):
        token, contrast = self.losses(batch)
        (token + self.stage.contrastive_weight * contrast).backward()
        self.cluster.mean(self.optimizer.gradient)
        self.optimizer.step(factor)
        self.step += 1
        self._update_average()
        return torch.stack((token.detach(), contrast.detach()))

    @torch.no_grad()
    def _update_average(self):
        if self.average:
            decay = min(self.stage.ema_decay, (1 + self.step) / (10 + self.step))
            torch._foreach_mul_(self.average, decay)
            torch._foreach_add_(self.average, self.parameters, alpha=1 - decay)

    @torch.no_grad()
    def swap_average(self):
        """The model gets its averaged weights; a second call gives it its own again."""
        for p, a in zip(self.parameters, self.average):
            own = p.clone()
            p.copy_(a)
            a.copy_(own)

    def validate(self, loader):
        """Held-out rows -> token loss and share of answers right in full ({} without such rows).
        Runs with autograd on, so that the compiled training functions serve as they are."""
        totals = torch.zeros(4, device=self.device)
        if self.stage.dropout:
            self.model.dropout.zero_()
        size = self.stage.rows_per_gpu
        rows = loader.held_out(VALIDATION_BATCHES * size)
        for start in range(0, len(rows) - size + 1, size):
            p = self.prepare(to_tensors(rows[start:start + size], False),
                             self.stage.contrastive_rows)
            _, hidden = losses.forward(self.model, p)
            hidden = hidden.detach()
            target = p.batch["dec_tgt"]
            token = self.token_loss(hidden.requires_grad_(), self.model.embedding, target,
                                    self.stage.quantized)
            exact, present = losses.exact_answers(self.model, hidden, p)
            totals += torch.stack((token.detach(), (target != 0).sum(), exact.sum(),
                                   present.sum())).float()
        if self.stage.dropout:
            self.model.dropout.fill_(self.stage.dropout)
        token, tokens, exact, answers = self.cluster.mean(totals).tolist()
        if not tokens:
            return {}
        return {"val_loss": token / tokens, "val_exact": exact / answers}

    def state(self):
        return {"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict(),
                "step": self.step, "average": self.average, "config": self.cfg.to_json(),
                "rng": (torch.get_rng_state(), random.getstate())}

    def start_from(self, weights):
        self.model.load_state_dict(weights)
        if self.average:
            self.average = [p.detach().clone() for p in self.parameters]

    def restore(self, path, same_stage):
        state = checkpoint.load(path)
        self.start_from(state["model"])
        if same_stage or self.stage.keep_optimizer:
            self.optimizer.load_state_dict(state["optimizer"])
        if same_stage:
            self.step = state["step"]
            self.average = [a.to(self.device) for a in state["average"]]
            torch.set_rng_state(state["rng"][0])
            random.setstate(state["rng"][1])


class Plan:
    """Turns the minutes left into a number of steps, from the throughput measured so far."""

    def __init__(self, cluster, deadline, first):
        self.cluster, self.deadline, self.first = cluster, deadline, first
        self.last, self.measured_from = first + 10 ** 6, None

    def update(self, step):
        """Called by every rank at the same step, the device idle."""
        now = time.time()
        if self.measured_from is None:
            self.measured_from = (step, now)
        elif step > self.measured_from[0]:
            seconds = (now - self.measured_from[1]) / (step - self.measured_from[0])
            self.last = step + max(0, int((self.deadline - now) / seconds))
        last = torch.tensor([self.last], device=self.cluster.device)
        self.last = int(self.cluster.from_first(last).item())


class Log:
    """JSON lines and a terminal line each; only rank 0 writes."""

    def __init__(self, directory, active):
        self.path, self.active = Path(directory) / "log.jsonl", active

    def write(self, **fields):
        if not self.active:
            return
        fields["seconds"] = round(time.time() - START, 1)
        with open(self.path, "a") as file:
            file.write(json.dumps(fields) + "\n")
        print(" ".join(f"{k}={v:.5g}" if isinstance(v, float) else f"{k}={v}"
                       for k, v in fields.items()), flush=True)


def git_commit():
    try:
        done = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True,
                              text=True, check=False)
    except OSError:  # a machine without git
        return "unknown"
    return done.stdout.strip() or "unknown"


def train(trainer, loader, log, directory, deadline, max_steps=None):
    """Runs until the deadline (time.time() seconds) or `max_steps` more steps; then saves."""
    cluster, stage = trainer.cluster, trainer.stage
    first = trainer.step
    plan = Plan(cluster, deadline - RESERVE_SECONDS, first)
    if max_steps is not None:
        plan.last, plan.update = first + max_steps, lambda step: None
    sums, counted = torch.zeros(2, device=trainer.device), 0
    mark = validated = saved = time.time()
    while trainer.step < plan.last:
        factor = learning_rate_factor(stage, trainer.step, first, plan.last)
        batch = next(loader)
        sums += trainer.train_step(batch, factor)
        counted += 1
        local = trainer.step - first
        if local == 1:
            cluster.mean(sums).tolist()
            log.write(event="first step", step=trainer.step, compile_seconds=time.time() - mark)
        if local not in (3, 10, 30) and local % 50:
            continue
        token, contrast = (cluster.mean(sums) / counted).tolist()  # waits for the device
        now = time.time()
        rows = counted * stage.rows_per_gpu * cluster.world
        if local >= 3:
            plan.update(trainer.step)
        if not np.isfinite(token):
            raise FloatingPointError(f"the loss is {token} at step {trainer.step}")
        if local % 50 == 0 or local < 50:
            log.write(step=trainer.step, last=plan.last, loss=token, contrastive=contrast,
                      lr=factor, tokens_per_s=rows * batch["enc_tok"].shape[1] / (now - mark),
                      ms_per_step=1000 * (now - mark) / counted, passes=loader.passes())
        sums, counted, mark = sums * 0, 0, now
        due = torch.tensor([now - validated > VALIDATE_SECONDS, now - saved > CHECKPOINT_SECONDS],
                           device=trainer.device, dtype=torch.int32)
        validate_now, save_now = cluster.from_first(due).tolist()
        if validate_now:
            log.write(step=trainer.step, **trainer.validate(loader))
            validated = time.time()
        if save_now:
            if cluster.rank == 0:
                checkpoint.save(directory, trainer.step, trainer.state())
            saved = time.time()
        mark = time.time()
    if cluster.rank == 0:
        checkpoint.save(directory, trainer.step, trainer.state())
        save_weights(Path(directory) / "weights.safetensors", trainer.model, half=True)
    log.write(step=trainer.step, last=trainer.step, **trainer.validate(loader))
    if trainer.average:
        trainer.swap_average()
        if cluster.rank == 0:
            save_weights(Path(directory) / "average.safetensors", trainer.model, half=True)
        log.write(event="average", step=trainer.step, **trainer.validate(loader))
        trainer.swap_average()


def plot(directory):
    """Loss curve from the JSON lines, if matplotlib is there."""
    try:
        import matplotlib
    except ImportError:
        return
    matplotlib.use("Agg")
    from matplotlib import pyplot
    lines = [json.loads(line) for line in open(Path(directory) / "log.jsonl")]
    figure, axis = pyplot.subplots(figsize=(8, 5))
    for key in ("loss", "val_loss", "contrastive"):
        points = [(r["step"], r[key]) for r in lines if r.get(key)]
        if points:
            axis.plot(*zip(*points), label=key)
    axis.set(xlabel="step", ylabel="loss", yscale="log")
    axis.legend()
    figure.savefig(Path(directory) / "loss.png", dpi=100)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--stage", required=True, choices=STAGES)
    parser.add_argument("--shards", required=True, help="directory of .npy shards")
    parser.add_argument("--run-dir", dest="run", required=True, help="directory; each stage has a folder in it")
    parser.add_argument("--minutes", type=float, required=True, help="from process start")
    parser.add_argument("--attention", default="flex", choices=("flex", "sdpa", "math"))
    parser.add_argument("--no-compile", action="store_true")
    parser.add_argument("--rows", type=int, help="rows a GPU and step")
    parser.add_argument("--lr-start", type=float)
    parser.add_argument("--lr-end", type=float)
    parser.add_argument("--flat-fraction", type=float)
    parser.add_argument("--weights", help=".safetensors or .san to start from where there is no checkpoint")
    parser.add_argument("--weight-decay", type=float)
    parser.add_argument("--text-share", type=float, help="share of the rows that are text rows; needs --text-shards")
    parser.add_argument("--text-shards", help="directory of .npy shards of the text stage")
    parser.add_argument("--tool-dropout", type=float)
    parser.add_argument("--dropout", type=float)
    parser.add_argument("--ema-decay", type=float)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    if args.text_share and not args.text_shards:
        parser.error("--text-share needs --text-shards")
    return args


def make_loader(args, stage, cluster, seed):
    def rows_from(directory):
        return lambda rows: Loader(directory, rows, cluster.rank, cluster.world, seed, cluster.device)

    if not stage.text_share:
        return rows_from(args.shards)(stage.rows_per_gpu)
    return MixedLoader(rows_from(args.shards), rows_from(args.text_shards), stage.rows_per_gpu, stage.text_share)


def main():
    args = parse_arguments()
    overrides = {"rows_per_gpu": args.rows, "lr_start": args.lr_start, "lr_end": args.lr_end,
                 "flat_fraction": args.flat_fraction, "weight_decay": args.weight_decay,
                 "text_share": args.text_share, "tool_dropout": args.tool_dropout, "ema_decay": args.ema_decay,
                 "dropout": args.dropout}
    stage = dataclasses.replace(STAGES[args.stage],
                                **{k: v for k, v in overrides.items() if v is not None})
    stage = dataclasses.replace(
        stage, contrastive_rows=min(stage.contrastive_rows, stage.rows_per_gpu))
    cluster = Cluster()
    torch.manual_seed(args.seed)
    torch.set_float32_matmul_precision("high")
    directory = Path(args.run) / stage.name
    directory.mkdir(parents=True, exist_ok=True)
    log = Log(directory, cluster.rank == 0)
    trainer = Trainer(ModelConfig(), stage, cluster, args.attention, not args.no_compile)
    own = checkpoint.latest(directory)
    source = own or (checkpoint.latest(Path(args.run) / stage.init) if stage.init else None)
    if source:
        trainer.restore(source, same_stage=own is not None)
    elif args.weights:
        source = args.weights
        trainer.start_from(load_model(source).state_dict())
    for tensor in trainer.model.state_dict().values():
        cluster.from_first(tensor)
    loader = make_loader(args, stage, cluster, seed=f"{args.seed}/{stage.name}/{trainer.step}")
    log.write(event="start", commit=git_commit(), world=cluster.world, source=str(source),
              torch=torch.__version__, stage=dataclasses.asdict(stage), seed=args.seed,
              attention=args.attention)
    train(trainer, loader, log, directory, START + 60 * args.minutes)
    if cluster.rank == 0:
        plot(directory)
        if cluster.device.type == "cuda":
            log.write(event="end", gigabytes=torch.cuda.max_memory_allocated() / 2 ** 30)
    if cluster.world > 1:
        dist.destroy_process_group()


if __name__ == "__main__":
    main()
