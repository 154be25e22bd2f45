"""What the Python runtimes share: the request, the fixed inputs, and the answer that zsaq verify and bench/deploy read."""
import json
import resource
import sys
import time

import numpy
from safetensors.numpy import load_file

REQUEST = json.loads(sys.argv[1])


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def timed(ids, length):
    """One row of `length` tokens: those of the first fixed row, repeated."""
    row = numpy.resize(ids[0], length)[None]
    return row, numpy.ones_like(row), numpy.zeros_like(row)


def selected(output, mask, columns):
    """Logits of the class, or those at the last real token of each row."""
    rows = output if output.ndim == 2 else output[numpy.arange(len(output)), mask.sum(1) - 1]
    return rows[:, columns]


def serve(name, version, load):
    """`load` gives a function from ids, mask and segments, int64 [batch, seq] each, to an array."""
    fixed = load_file(f"{REQUEST['dir']}/zsaq-reference.safetensors")
    ids, mask, types = (fixed[key].astype(numpy.int64) for key in ("input_ids", "attention_mask", "token_type_ids"))
    base, start = resident(), time.perf_counter()
    run = load()
    load_ms = (time.perf_counter() - start) * 1000
    logits = selected(run(ids, mask, types), mask, fixed["columns"])
    latency = {}
    for length in REQUEST.get("lengths", []):
        inputs, times = timed(ids, length), []
        for _ in range(3):
            run(*inputs)
        for _ in range(REQUEST["runs"]):
            began = time.perf_counter()
            run(*inputs)
            times.append((time.perf_counter() - began) * 1000)
        latency[length] = times
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"runtime": name, "version": version, "logits": logits.astype(float).ravel().tolist(), "loadMs": load_ms, "latency": latency, "baseBytes": base, "peakBytes": peak}))
