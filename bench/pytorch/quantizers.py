"""Fake quantization: weights by row on a grid with a fixed zero point and a learned scale, activations by token."""
import torch


class QuantizeTokens(torch.autograd.Function):
    """Dynamic symmetric 8-bit quantization per token, straight-through."""

    @staticmethod
    def forward(ctx, x):
        # two reductions take half the time of abs and one, aminmax and an infinity norm more than twice
        scale = torch.maximum(x.amax(-1, keepdim=True), x.amin(-1, keepdim=True).neg_()).div_(127).clamp_min_(1e-30)
        return (x / scale).round_().mul_(scale)

    @staticmethod
    def backward(ctx, gradient):
        return gradient


def quantize_rows(w, scale, low, high, zero):
    """Q(w) = s (clip(round(w / s + z)) - z), and what its gradient needs."""
    v = (w / scale).add_(zero)
    rounded = v.round()
    codes = rounded.clamp(low, high)
    return (codes - zero).mul_(scale), (v, rounded, codes)


def pull_back(gradient, scale, saved, zero):
    """dL/dw and dL/d log s from dL/dQ, straight through."""
    v, rounded, codes = saved
    inside = rounded == codes
    slope = torch.where(inside, rounded - v, codes - zero)
    return gradient * inside, (gradient * slope).sum(1, keepdim=True).mul_(scale)
