"""Muon for attention matrices (Jordan et al., 2024), AdamW for everything else; one flat gradient.

All gradients are views of one buffer, so that data-parallel training needs one all-reduce a step.
"""
import torch

MATRICES = ("q", "k", "v", "o")


def orthogonalize(g, steps=5):
    """Newton-Schulz iteration: g (n, r, c), r <= c -> nearest semi-orthogonal matrices."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = g.bfloat16() if g.is_cuda else g
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(steps):
        gram = x @ x.transpose(-1, -2)
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.float()


class Optimizer:
    """step(factor) applies one update with all learning rates times `factor`."""

    def __init__(self, model, stage):
        named = list(model.named_parameters())
        matrices = [p for n, p in named if n.rsplit(".", 1)[-1] in MATRICES]
        self.rest = [p for n, p in named if n.rsplit(".", 1)[-1] not in MATRICES]
        self.groups = {}
        for p in matrices:
            self.groups.setdefault(tuple(p.shape), []).append(p)
        self.momentum = {s: torch.zeros(len(g), *s, device=g[0].device)
                         for s, g in self.groups.items()}
        self.muon_lr, self.beta, self.adamw_lr = stage.muon_lr, stage.muon_momentum, stage.adamw_lr
        self.decay = stage.weight_decay
        fused = {"fused": True} if self.rest[0].is_cuda else {}
        self.adamw = torch.optim.AdamW(self.rest, lr=stage.adamw_lr, betas=(0.9, 0.95),
                                       weight_decay=0.0, **fused)
        self.gradient = self._flatten(matrices + self.rest)

    @staticmethod
    def _flatten(parameters):
        buffer = torch.zeros(sum(p.numel() for p in parameters), device=parameters[0].device)
        start = 0
        for p in parameters:
            p.grad = buffer[start:start + p.numel()].view_as(p)
            start += p.numel()
        return buffer

    @torch.no_grad()
    def step(self, factor):
        self._decay(factor)
        for shape, group in self.groups.items():
            gradient = torch.stack([p.grad for p in group])
            momentum = self.momentum[shape]
            momentum.lerp_(gradient, 1 - self.beta)
            update = gradient.lerp_(momentum, self.beta)  # Nesterov
            tall = shape[0] > shape[1]
            update = orthogonalize(update.transpose(-1, -2) if tall else update)
            update = update.transpose(-1, -2) if tall else update
            scale = max(1.0, shape[0] / shape[1]) ** 0.5
            torch._foreach_add_(group, list(update.unbind()),
                                alpha=-self.muon_lr * factor * scale)
        self.adamw.param_groups[0]["lr"] = self.adamw_lr * factor
        self.adamw.step()
        self.gradient.zero_()

    def _decay(self, factor):
        if not self.decay:
            return
        for group in self.groups.values():
            torch._foreach_mul_(group, 1 - self.decay * self.muon_lr * factor)
        torch._foreach_mul_([p for p in self.rest if p.dim() == 2], 1 - self.decay * self.adamw_lr * factor)

    def state_dict(self):
        return {"momentum": self.momentum, "adamw": self.adamw.state_dict()}

    def load_state_dict(self, state):
        for shape, momentum in state["momentum"].items():
            self.momentum[shape].copy_(momentum)
        self.adamw.load_state_dict(state["adamw"])
