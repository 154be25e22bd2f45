"""BERT and OPT as functions of a record of weights with Hugging Face names: what torch.nn.functional does fastest."""
import torch
import torch.nn.functional as F


def linear(p, name, x):
    return F.linear(x, p[f"{name}.weight"], p.get(f"{name}.bias"))


def norm(p, name, x, epsilon):
    return F.layer_norm(x, x.shape[-1:], p[f"{name}.weight"], p[f"{name}.bias"], epsilon)


def heads(x, count):
    return x.unflatten(-1, (count, -1)).transpose(1, 2)


def attention(q, k, v, count, causal=False, mask=None):
    return F.scaled_dot_product_attention(heads(q, count), heads(k, count), heads(v, count), attn_mask=mask, is_causal=causal).transpose(1, 2).flatten(2)


def bert(config, p, ids, quantize=lambda x: x, embeds=None, mask=None, segments=None):
    """Logits and hidden states; `quantize` sees what the linear layers of the encoder read; `mask` [batch, seq] is true at real tokens."""
    epsilon, e = config["layer_norm_eps"], "bert.embeddings"
    words = F.embedding(ids, p[f"{e}.word_embeddings.weight"]) if embeds is None else embeds
    types = p[f"{e}.token_type_embeddings.weight"]
    x = words + (types[0] if segments is None else F.embedding(segments, types)) + p[f"{e}.position_embeddings.weight"][: words.shape[1]]
    x = norm(p, f"{e}.LayerNorm", x, epsilon)
    hidden, seen = [x], None if mask is None else mask[:, None, None, :]
    for i in range(config["num_hidden_layers"]):
        layer = f"bert.encoder.layer.{i}"
        read = quantize(x)
        q, k, v = (linear(p, f"{layer}.attention.self.{part}", read) for part in ("query", "key", "value"))
        mixed = attention(q, k, v, config["num_attention_heads"], mask=seen)
        x = norm(p, f"{layer}.attention.output.LayerNorm", linear(p, f"{layer}.attention.output.dense", quantize(mixed)) + x, epsilon)
        wide = F.gelu(linear(p, f"{layer}.intermediate.dense", quantize(x)))
        x = norm(p, f"{layer}.output.LayerNorm", linear(p, f"{layer}.output.dense", quantize(wide)) + x, epsilon)
        hidden.append(x)
    pooled = torch.tanh(linear(p, "bert.pooler.dense", x[:, 0]))
    return linear(p, "classifier", pooled), hidden


def opt(config, p, ids, quantize=lambda x: x, embeds=None, mask=None, segments=None):
    """Pre-norm OPT with tied head; the last hidden state is the one the head reads. Its batches have no padding."""
    d = "model.decoder"
    words = F.embedding(ids, p[f"{d}.embed_tokens.weight"]) if embeds is None else embeds
    x = words + p[f"{d}.embed_positions.weight"][2 : 2 + words.shape[1]]
    hidden = [x]
    for i in range(config["num_hidden_layers"]):
        layer = f"{d}.layers.{i}"
        read = quantize(norm(p, f"{layer}.self_attn_layer_norm", x, 1e-5))
        q, k, v = (linear(p, f"{layer}.self_attn.{part}_proj", read) for part in "qkv")
        x = x + linear(p, f"{layer}.self_attn.out_proj", quantize(attention(q, k, v, config["num_attention_heads"], causal=True)))
        wide = F.relu(linear(p, f"{layer}.fc1", quantize(norm(p, f"{layer}.final_layer_norm", x, 1e-5))))
        x = x + linear(p, f"{layer}.fc2", quantize(wide))
        hidden.append(x)
    x = norm(p, f"{d}.final_layer_norm", x, 1e-5)
    hidden[-1] = x
    return F.linear(x, p[f"{d}.embed_tokens.weight"]), hidden


NETWORKS = {"bert": bert, "opt": opt}
WORDS = {"bert": "bert.embeddings.word_embeddings.weight", "opt": "model.decoder.embed_tokens.weight"}
