"""One step of the student in PyTorch: the same mathematics as src/methods/studentStep.ts, in PyTorch's own fast ways."""
import torch
import torch.nn.functional as F


class QuantizeTokens(torch.autograd.Function):
    """Dynamic symmetric 8-bit quantization per token, straight-through."""

    @staticmethod
    def forward(ctx, x):
        scale = x.abs().amax(-1, keepdim=True).div_(127).clamp_min_(1e-30)
        return (x / scale).round_().mul_(scale)

    @staticmethod
    def backward(ctx, gradient):
        return gradient


def divergence(answer, target, teacher_hidden_squares):
    """KL of the outputs plus the mean relative squared error of the hidden states; no token is padding."""
    (student_logits, student_hidden), (logits, hidden) = answer, target
    value = F.kl_div(F.log_softmax(student_logits, -1), F.log_softmax(logits, -1), reduction="none", log_target=True).sum(-1).mean()
    layers = [((s - t).square().sum(-1) / n).mean() for s, t, n in zip(student_hidden[1:], hidden[1:], teacher_hidden_squares)]
    return value + torch.stack(layers).mean()


class Student:
    """Latent weights, log-scales and AdamW; quantized weights by row on a grid with a fixed zero point."""

    def __init__(self, network, config, weights, frozen, scales, levels, *, rate, scale_rate, clip, beta):
        self.network, self.config, self.teacher, self.frozen = network, config, weights, frozen
        self.low, self.high, self.zero = levels
        self.clip, self.beta = clip, beta
        self.latent = {k: v.clone() for k, v in weights.items() if k not in frozen}
        self.log_scale = {k: torch.log(s) for k, s in scales.items()}
        self.optimizer = torch.optim.AdamW(
            [{"params": list(self.latent.values()), "lr": rate}, {"params": list(self.log_scale.values()), "lr": scale_rate}],
            betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, fused=True)

    def step(self, ids, autocast=False):
        """Loss, perturbed loss and gradient norm; without `beta` no second pass."""
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            return self._step(ids)

    def _step(self, ids):
        with torch.no_grad():
            target = self.network(self.config, self.teacher, ids)
            squares = [h.square().sum(-1).clamp_min_(1e-12) for h in target[1][1:]]
        at, saved = {}, {}
        for name, w in self.latent.items():
            log = self.log_scale.get(name)
            if log is None:
                at[name] = w
                continue
            scale = log.exp()
            v = (w / scale).add_(self.zero)
            rounded = v.round()
            codes = rounded.clamp(self.low, self.high)
            at[name] = (codes - self.zero).mul_(scale)
            saved[name] = (scale, v, rounded, codes)
        loss, gradient = self._gradient(at, target, squares, ids)
        perturbed = loss
        if self.beta:
            names = list(self.log_scale)
            w, g = [at[n] for n in names], [gradient[n] for n in names]
            radius = self.beta * torch.linalg.vector_norm(torch.stack(torch._foreach_norm(w)))
            factor = radius / (torch.linalg.vector_norm(torch.stack(torch._foreach_norm(g))) + 1e-12)
            moved = torch._foreach_add(w, torch._foreach_mul(g, factor))
            perturbed, gradient = self._gradient({**at, **dict(zip(names, moved))}, target, squares, ids)
        parameters, gradients = [], []
        for name, w in self.latent.items():
            g = gradient[name]
            if name in saved:
                scale, v, rounded, codes = saved[name]
                inside = rounded == codes
                slope = torch.where(inside, rounded - v, codes - self.zero)
                parameters.append(self.log_scale[name]), gradients.append((g * slope).sum(1, keepdim=True).mul_(scale))
                g = g * inside
            parameters.append(w), gradients.append(g)
        size = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
        torch._foreach_mul_(gradients, (self.clip / (size + 1e-6)).clamp(max=1.0))
        for p, g in zip(parameters, gradients):
            p.grad = g
        self.optimizer.step()
        return loss.item(), perturbed.item(), size.item()

    def _gradient(self, at, target, squares, ids):
        leaves = {k: v.detach().requires_grad_() for k, v in at.items()}
        answer = self.network(self.config, {**self.frozen, **leaves}, ids, QuantizeTokens.apply)
        loss = divergence(answer, target, squares)
        found = torch.autograd.grad(loss, list(leaves.values()), allow_unused=True)
        return loss.detach(), {k: torch.zeros_like(v) if g is None else g for (k, v), g in zip(leaves.items(), found)}
