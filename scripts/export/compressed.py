"""Loads a compressed-tensors export through transformers and the library compressed-tensors, and runs it."""
import os
import sys

os.environ["HF_HUB_OFFLINE"] = "1"

import compressed_tensors
import torch
import transformers

from common import REQUEST, serve

transformers.logging.set_verbosity_error()


def load():
    config = transformers.AutoConfig.from_pretrained(REQUEST["dir"])
    model = getattr(transformers, config.architectures[0]).from_pretrained(REQUEST["dir"], dtype=torch.float32).eval()
    torch.set_num_threads(REQUEST.get("threads", 1))

    def run(ids, mask, types):
        given = {"input_ids": ids, "attention_mask": mask}
        if getattr(config, "type_vocab_size", 0) > 1:
            given["token_type_ids"] = types
        with torch.no_grad():
            return model(**{name: torch.from_numpy(x) for name, x in given.items()})[0].numpy()

    return run


serve("compressed-tensors (transformers)", compressed_tensors.__version__, load)
