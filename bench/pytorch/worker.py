"""The PyTorch side of the benchmark: reads one JSON request a line, answers one JSON object a line."""
import json
import os
import resource
import sys
import time

sys.path.insert(0, os.path.dirname(__file__))
import torch
from safetensors.torch import load_file

from networks import NETWORKS
from step import Student, divergence


def prepare(request):
    """Loads a case from its folder: weights of the teacher, the student's frozen weights and scales, token ids."""
    torch.set_num_threads(request["threads"])
    folder, config = request["folder"], json.load(open(os.path.join(request["folder"], "config.json")))
    weights, case = load_file(os.path.join(folder, "model.safetensors")), load_file(os.path.join(folder, "case.safetensors"))
    frozen = {k.removeprefix("frozen/"): v for k, v in case.items() if k.startswith("frozen/")}
    scales = {k.removeprefix("scale/"): v for k, v in case.items() if k.startswith("scale/")}
    network, ids = NETWORKS[config["model_type"]], case["ids"].long()
    step = Student(network, config, weights, frozen, scales, request["levels"], rate=request["rate"], scale_rate=request["scaleRate"],
                   clip=request["clip"], beta=request["beta"] if request["case"] == "step" else 0)

    def forward():
        with torch.inference_mode():
            logits, _ = network(config, weights, ids)
            return [logits.square().mean().item()]

    def backward():
        leaves = {k: v.detach().requires_grad_() for k, v in weights.items()}
        loss = network(config, leaves, ids)[0].square().mean()
        found = torch.autograd.grad(loss, list(leaves.values()), allow_unused=True)
        return [loss.item(), torch.linalg.vector_norm(torch.stack(torch._foreach_norm([g for g in found if g is not None]))).item()]

    run = {"forward": forward, "backward": backward, "step": lambda: step.step(ids), "qat": lambda: step.step(ids)}[request["case"]]
    if request["precision"] == "bf16":
        plain = run
        def run():
            with torch.autocast("cpu", torch.bfloat16):
                return plain()
    return run


def main():
    run = None
    print(json.dumps({"torch": torch.__version__, "python": sys.version.split()[0]}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        if request["do"] == "prepare":
            run = prepare(request)
            answer = {}
        else:
            start = time.perf_counter()
            values = run()
            answer = {"ms": (time.perf_counter() - start) * 1e3, "values": values, "peakBytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}
        print(json.dumps(answer), flush=True)


main()
