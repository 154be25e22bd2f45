"""Loads a compressed-tensors export with the library compressed-tensors into a model of transformers, and runs it.

transformers 5.23 itself stops at packed embeddings (it initializes `Embedding.weight`, which a compressed module lacks): hence the library's own calls.
"""
import json
import os

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TQDM_DISABLE"] = "1"

import compressed_tensors
import torch
import transformers
from compressed_tensors.compressors import ModelCompressor
from compressed_tensors.quantization import QuantizationConfig, apply_quantization_config
from safetensors.torch import load_file

from common import REQUEST, serve

transformers.logging.set_verbosity_error()


def load_model(folder):
    with open(f"{folder}/config.json") as file:
        scheme = QuantizationConfig(**json.load(file)["quantization_config"])
    config = transformers.AutoConfig.from_pretrained(folder)
    del config.quantization_config
    model, compressor = getattr(transformers, config.architectures[0])._from_config(config).eval(), ModelCompressor(quantization_config=scheme)
    apply_quantization_config(model, scheme, show_progress=False)
    compressor.compress_model(model)
    missing, unexpected = model.load_state_dict(load_file(f"{folder}/model.safetensors"), strict=False)
    if unexpected or set(missing) - {"lm_head.weight", "cls.predictions.decoder.bias"}:  # those are tied
        raise SystemExit(f"error: tensors do not fit: missing {missing}, unexpected {unexpected}")
    compressor.decompress_model(model)
    model.tie_weights()
    return model


def load():
    torch.set_num_threads(REQUEST.get("threads", 1))
    model = load_model(REQUEST["dir"])

    def run(ids, mask, types):
        given = {"input_ids": ids, "attention_mask": mask}
        if getattr(model.config, "type_vocab_size", 0) > 1:
            given["token_type_ids"] = types
        with torch.no_grad():
            return model(**{name: torch.from_numpy(x) for name, x in given.items()})[0].numpy()

    return run


if __name__ == "__main__":
    serve("compressed-tensors (Python)", compressed_tensors.__version__, load)
