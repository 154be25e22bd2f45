"""The PyTorch side of the benchmark: reads one JSON request a line, answers one JSON object a line."""
import gc
import json
import os
import resource
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
ANSWERS = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # what libraries print is no answer

import torch

from cases import MAKERS


def status(field):
    """A field of /proc/self/status in bytes; None where there is no such file."""
    try:
        return next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith(field + ":"))
    except OSError:
        return None


def reset_peak():
    gc.collect()
    try:
        open("/proc/self/clear_refs", "w").write("5")
    except OSError:
        pass  # then the peak is that of the whole life


def under(mode, f):
    """f as the mode has it: under bfloat16 autocast, or as it is."""
    def autocast():
        with torch.autocast("cpu", torch.bfloat16):
            return f()
    return autocast if mode == "bf16" else f


def turn(run, times):
    ms = []
    for _ in range(times):
        start = time.perf_counter()
        run()
        ms.append((time.perf_counter() - start) * 1e3)
    return {"ms": ms, "peakBytes": status("VmHWM") or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}


def answer(request, prepared):
    if request["do"] == "prepare":
        torch.set_num_threads(request["threads"])
        prepared[:] = (under(request["mode"], f) for f in MAKERS[request["case"]](request))
        return {}
    if request["do"] == "check":
        return {"values": prepared[1]()}
    if request["do"] == "reset":
        reset_peak()
        return {}
    return turn(prepared[0], request["times"])


def say(message):
    print(json.dumps(message), file=ANSWERS, flush=True)


def main():
    prepared = []
    say({"versions": {"torch": torch.__version__, "python": sys.version.split()[0]}, "residentBytes": status("VmRSS") or 0})
    for line in sys.stdin:
        say(answer(json.loads(line), prepared))


main()
