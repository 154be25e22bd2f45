"""One step of the student in PyTorch: the same mathematics as src/methods/studentStep.ts, in PyTorch's own fast ways."""
import torch
import torch.nn.functional as F

from quantizers import QuantizeTokens, pull_back, quantize_rows


def total_norm(tensors):
    return torch.linalg.vector_norm(torch.stack(torch._foreach_norm(tensors)))


def mean(values, mask):
    """Mean over real tokens; without a mask all are."""
    return values.mean() if mask is None else (values * mask).sum() / mask.sum()


def squares(hidden):
    """||h||^2 of each token for every layer after the embeddings."""
    return [h.square().sum(-1).clamp_min(1e-12) for h in hidden[1:]]


def divergence(answer, target, teacher_squares, mask=None):
    """KL of the outputs plus the mean relative squared error of the hidden states."""
    (student_logits, student_hidden), (logits, hidden) = answer, target
    terms = F.kl_div(F.log_softmax(student_logits, -1), F.log_softmax(logits, -1), reduction="none", log_target=True).sum(-1)
    value = mean(terms, mask) if terms.dim() == 2 else terms.mean()
    layers = [mean((s - t).square().sum(-1) / n, mask) for s, t, n in zip(student_hidden[1:], hidden[1:], teacher_squares)]
    return value + torch.stack(layers).mean()


class Student:
    """Latent weights, log-scales and AdamW; quantized weights by row."""

    def __init__(self, network, config, weights, frozen, scales, levels, *, rate, scale_rate, clip, beta):
        self.network, self.config, self.teacher, self.frozen = network, config, weights, frozen
        self.levels, self.clip, self.beta = levels, clip, beta
        self.latent = {k: v.clone() for k, v in weights.items() if k not in frozen}
        self.log_scale = {k: torch.log(s) for k, s in scales.items()}
        self.optimizer = torch.optim.AdamW(
            [{"params": list(self.latent.values()), "lr": rate}, {"params": list(self.log_scale.values()), "lr": scale_rate}],
            betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, fused=True)
        self.quantize_rows, self.pull_back = quantize_rows, pull_back

    def compile(self):
        """Everything that is worth it through torch.compile."""
        self.network, self.quantize_rows, self.pull_back = (torch.compile(f, dynamic=False) for f in (self.network, quantize_rows, pull_back))

    def effective(self):
        """Q(w) and the unquantized parameters, and what the quantizers' gradients need."""
        at, saved = {}, {}
        for name, w in self.latent.items():
            log = self.log_scale.get(name)
            if log is None:
                at[name] = w
                continue
            scale = log.exp()
            at[name], kept = self.quantize_rows(w, scale, *self.levels)
            saved[name] = (scale, kept)
        return at, saved

    def step(self, ids):
        """Loss, perturbed loss, gradient norm and clipped gradients; without `beta` no second pass."""
        with torch.no_grad():
            target = self.network(self.config, self.teacher, ids)
            sizes = squares(target[1])
        at, saved = self.effective()
        loss, gradient = self._gradient(at, target, sizes, ids)
        perturbed = loss
        if self.beta:
            names = list(self.log_scale)
            w, g = [at[n] for n in names], [gradient[n] for n in names]
            factor = self.beta * total_norm(w) / (total_norm(g) + 1e-12)
            moved = torch._foreach_add(w, torch._foreach_mul(g, factor))
            with torch.autocast("cpu", enabled=False):  # bfloat16 would round the perturbation away
                perturbed, gradient = self._gradient({**at, **dict(zip(names, moved))}, target, sizes, ids)
        parameters, gradients = [], []
        for name, w in self.latent.items():
            g = gradient[name]
            if name in saved:
                scale, kept = saved[name]
                g, slope = self.pull_back(g, scale, kept, self.levels[2])
                parameters.append(self.log_scale[name]), gradients.append(slope)
            parameters.append(w), gradients.append(g)
        size = total_norm(gradients)
        torch._foreach_mul_(gradients, (self.clip / (size + 1e-6)).clamp(max=1.0))
        for p, g in zip(parameters, gradients):
            p.grad = g
        self.optimizer.step()
        return loss.item(), perturbed.item(), size.item(), gradients

    def _gradient(self, at, target, sizes, ids):
        leaves = {k: v.detach().requires_grad_() for k, v in at.items()}
        loss = divergence(self.network(self.config, {**self.frozen, **leaves}, ids, QuantizeTokens.apply), target, sizes)
        found = torch.autograd.grad(loss, list(leaves.values()), allow_unused=True)
        return loss.detach(), {k: torch.zeros_like(v) if g is None else g for (k, v), g in zip(leaves.items(), found)}
