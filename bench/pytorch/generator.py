"""The generator's half in PyTorch: drawing a batch, and one ascent on the divergence (src/methods/generator.ts)."""
import torch
import torch.nn.functional as F

from networks import WORDS, opt
from quantizers import QuantizeTokens
from step import divergence, squares, total_norm


class Speak(torch.autograd.Function):
    """Forward the rows of the sampled tokens, backward as of softmax(z) @ choices."""

    @staticmethod
    def forward(ctx, z, choices, chosen):
        ctx.save_for_backward(z, choices)
        return chosen.clone()

    @staticmethod
    def backward(ctx, gradient):
        z, choices = ctx.saved_tensors
        p = z.softmax(-1)
        return torch._softmax_backward_data(gradient @ choices.T, p, -1, z.dtype), None, None


class Generator:
    """A causal model run over noise; its word embedding table stays as it is."""

    def __init__(self, config, weights, draws, *, rate, clip, candidates):
        self.config, self.table, self.clip, self.draws, self.count = config, weights[WORDS["opt"]], clip, draws, candidates
        self.theta = {k: v.clone() for k, v in weights.items() if k != WORDS["opt"]}
        self.optimizer = torch.optim.AdamW(list(self.theta.values()), lr=rate, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, fused=True)
        self.first, self.vocabulary = 5, self.table.shape[0]

    def draw(self, stored):
        """Noise, candidates and uniform numbers: those of the file, or new ones as our side draws them."""
        d = self.draws
        if stored:
            return d["noise"], d["candidates"], d["uniforms"].double() + d["uniformsRest"].double()
        words = self.vocabulary - self.first
        candidates = d["candidates"] if self.count >= words else (torch.randperm(words)[: self.count] + self.first).sort().values
        return torch.randint(self.first, self.vocabulary, d["noise"].shape), candidates, torch.rand(d["uniforms"].shape)

    def speak(self, theta, noise, candidates):
        head = {WORDS["opt"]: self.table.index_select(0, candidates)}
        return opt(self.config, {**theta, **head}, None, embeds=F.embedding(noise, self.table))[0].flatten(0, 1)

    @staticmethod
    def sample(z, uniforms, candidates):
        """Tokens by inverting the cumulative distribution; in the precision of the uniform numbers."""
        cumulative = z.detach().float().softmax(-1).to(uniforms.dtype).cumsum(-1)
        return candidates[torch.searchsorted(cumulative, uniforms[:, None]).squeeze(1).clamp_max_(len(candidates) - 1)]

    def next(self, stored=False):
        """Token ids of a batch, laid out, and the sampled ones."""
        with torch.inference_mode():
            noise, candidates, uniforms = self.draw(stored)
            tokens = self.sample(self.speak(self.theta, noise, candidates), uniforms, candidates)
            return self.place(tokens), tokens

    def place(self, tokens):
        source, specials = self.draws["source"], self.draws["specials"]
        return torch.cat([tokens, specials])[self.rows(source)].view(self.draws["noise"].shape)

    def rows(self, source):
        return torch.where(source >= 0, source, len(source) - 1 - source)

    def ascend(self, student, teacher_table, padded, stored=False):
        """The divergence before the step, the norm of its gradient, and the clipped gradients of -D."""
        theta = {k: v.detach().requires_grad_() for k, v in self.theta.items()}
        noise, candidates, uniforms = self.draw(stored)
        z = self.speak(theta, noise, candidates)
        tokens = self.sample(z, uniforms, candidates)
        flat = Speak.apply(z, teacher_table.index_select(0, candidates), teacher_table.index_select(0, tokens))
        table = torch.cat([flat, teacher_table.index_select(0, self.draws["specials"])])
        embeds = table.index_select(0, self.rows(self.draws["source"])).view(*noise.shape, -1)
        mask = self.draws["mask"] if padded else None
        feed = {"embeds": embeds, "mask": None if mask is None else mask.bool(), "segments": self.draws["typeIds"] if padded else None}
        target = student.network(student.config, student.teacher, None, **feed)
        with torch.no_grad():
            at, _ = student.effective()
        answer = student.network(student.config, {**student.frozen, **at}, None, QuantizeTokens.apply, **feed)
        value = divergence(answer, target, squares(target[1]), mask)
        gradients = list(torch.autograd.grad(-value, list(theta.values())))
        size = total_norm(gradients)
        torch._foreach_mul_(gradients, (self.clip / (size + 1e-6)).clamp(max=1.0))
        for p, g in zip(self.theta.values(), gradients):
            p.grad = g
        self.optimizer.step()
        return value.item(), size.item(), gradients
