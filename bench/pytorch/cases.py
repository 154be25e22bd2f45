"""Every case in PyTorch: what is timed (`run`) and what must be as on our side (`check`)."""
import json
import os

import torch
from safetensors.torch import load_file

from generator import Generator
from networks import NETWORKS, WORDS
from quantizers import QuantizeTokens, pull_back, quantize_rows
from step import Student, total_norm


def checksum(tensors):
    """sum of max(g, 0) (1 + cos j) over tensors and entries, as bench/cases/case.ts has it."""
    return sum(float((t.detach().double().flatten().clamp_min(0) * (1 + torch.arange(t.numel(), dtype=torch.float64).cos())).sum()) for t in tensors)


def shape_of(request):
    folder = request["folder"]
    config, weights = json.load(open(os.path.join(folder, "config.json"))), load_file(os.path.join(folder, "model.safetensors"))
    return folder, config, {k: v.clone() for k, v in weights.items()}


def student_of(request, config, weights, beta):
    case = load_file(os.path.join(request["folder"], "case.safetensors"))
    frozen, scales = ({k.removeprefix(p): v.clone() for k, v in case.items() if k.startswith(p)} for p in ("frozen/", "scale/"))
    student = Student(NETWORKS[config["model_type"]], config, weights, frozen, scales, request["levels"], rate=request["rate"],
                      scale_rate=request["scaleRate"], clip=request["clip"], beta=beta)
    if request["mode"] == "compile":
        student.compile()
    return student, case["ids"].long()


def network(request):
    folder, config, weights = shape_of(request)
    ids, f = load_file(os.path.join(folder, "case.safetensors"))["ids"].long(), NETWORKS[config["model_type"]]
    f = torch.compile(f, dynamic=False) if request["mode"] == "compile" else f

    def forward():
        with torch.inference_mode():
            return [f(config, weights, ids)[0].square().mean().item()]

    def backward(checked=False):
        leaves = {k: v.detach().requires_grad_() for k, v in weights.items()}
        loss = f(config, leaves, ids)[0].square().mean()
        found = [g for g in torch.autograd.grad(loss, list(leaves.values()), allow_unused=True) if g is not None]
        return [loss.item(), total_norm(found).item(), *([checksum(found)] if checked else [])]

    return (forward, forward) if request["case"] == "forward" else (backward, lambda: backward(True))


def student(request):
    _, config, weights = shape_of(request)
    one, ids = student_of(request, config, weights, request["beta"] if request["case"] != "qat" else 0)

    def check():
        loss, perturbed, size, gradients = one.step(ids)
        return [loss, perturbed, size, checksum(gradients)]

    return lambda: one.step(ids), check


def generator(request):
    folder, config, weights = shape_of(request)
    _, own, theta = shape_of({"folder": os.path.join(folder, "generator")})
    draws = {k: v.long() if v.dtype == torch.int32 else v for k, v in load_file(os.path.join(folder, "draws.safetensors")).items()}
    one = Generator(own, theta, draws, rate=request["generatorRate"], clip=request["clip"], candidates=request["candidates"])
    if request["case"] == "draw":
        return one.next, lambda: [float(one.next(True)[1].sum())]
    other, _ = student_of(request, config, weights, 0)
    table, padded = weights[WORDS[config["model_type"]]], config["model_type"] == "bert"

    def check():
        value, size, gradients = one.ascend(other, table, padded, True)
        moments = torch._foreach_mul(gradients, 0.1)
        return [value, total_norm(moments).item(), checksum(moments)]

    return lambda: one.ascend(other, table, padded), check


def quantizer(request):
    t = {k: v.clone() for k, v in load_file(os.path.join(request["folder"], "tensors.safetensors")).items()}
    low, high, zero = request["levels"]
    rows, back = (torch.compile(f, dynamic=False) for f in (quantize_rows, pull_back)) if request["mode"] == "compile" else (quantize_rows, pull_back)
    tokens = torch.compile(lambda x: QuantizeTokens.apply(x), dynamic=False) if request["mode"] == "compile" else QuantizeTokens.apply

    def weight():
        scale = t["logScale"].exp()
        q, saved = rows(t["w"], scale, low, high, zero)
        return [q, *back(t["g"], scale, saved, zero)]

    work = torch.no_grad()(weight if request["case"] == "quantizeWeight" else lambda: [tokens(t["x"])])
    return work, lambda: [n for x in work() for n in (torch.linalg.vector_norm(x).item(), checksum([x]))]


def evaluation(request):
    folder, config, weights = shape_of(request)
    sentences = json.load(open(os.path.join(folder, "sentences.json")))
    f = NETWORKS[config["model_type"]]

    def score():
        order = sorted(range(len(sentences)), key=lambda i: -len(sentences[i]))
        predictions, start = torch.empty(len(sentences)), 0
        with torch.inference_mode():
            while start < len(order):
                seq = len(sentences[order[start]])
                index = order[start : start + max(1, 2048 // seq)]
                start += len(index)
                ids = torch.nn.utils.rnn.pad_sequence([torch.tensor(sentences[i]) for i in index], batch_first=True, padding_value=config["pad_token_id"])
                lengths = torch.tensor([len(sentences[i]) for i in index])
                mask = torch.arange(seq)[None] < lengths[:, None]
                predictions[index] = f(config, weights, ids, mask=mask, segments=torch.zeros_like(ids))[0].argmax(-1).float()
        return predictions

    return score, lambda: [1 + sum(float(p) * (1 + i % 7) for i, p in enumerate(score()))]


def loading(request):
    def load():
        # load_file maps the file and reads nothing yet: weights are there once they are copied
        return {k: v.clone() for k, v in load_file(os.path.join(request["folder"], "model.safetensors")).items()}

    def check():
        weights = load()
        return [sum(v.numel() for v in weights.values()), sum(v.abs().sum().item() for v in weights.values())]

    return load, check


def tokens(request):
    from transformers import AutoTokenizer

    text = json.load(open(os.path.join(request["folder"], "text.json")))
    encoder = AutoTokenizer.from_pretrained(text["tokenizer"]).backend_tokenizer

    def encode():
        return [e.ids for e in encoder.encode_batch(text["lines"], add_special_tokens=False)]

    def check():
        ids = [i for line in encode() for i in line]
        return [len(ids), sum(n * (1 + i % 13) for i, n in enumerate(ids))]

    return encode, check


MAKERS = {"forward": network, "backward": network, "step": student, "recomputed": student, "qat": student, "draw": generator, "ascent": generator,
          "quantizeWeight": quantizer, "quantizeActivation": quantizer, "evaluation": evaluation, "load": loading, "tokens": tokens}
