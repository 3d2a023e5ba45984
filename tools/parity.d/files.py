"""The files wgan-cl reads and writes: checkpoints, logs and IDX images."""
import csv
import gzip
import json
import pathlib
import struct

import numpy as np


def read_checkpoint(path):
    """A safetensors file of wgan-cl: (tensors by name, metadata)."""
    data = pathlib.Path(path).read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    metadata = header.pop("__metadata__")
    body, tensors = data[8 + length :], {}
    for name, entry in header.items():
        if entry["dtype"] != "F32":
            raise ValueError(f"{path}: {name} is {entry['dtype']}, expected F32")
        begin, end = entry["data_offsets"]
        tensors[name] = np.frombuffer(body[begin:end], dtype="<f4").reshape(entry["shape"])
    return tensors, metadata


def read_log(path):
    """The losses of log.csv: an array [steps, 3] of critic on real, on fake, generator."""
    with open(path, newline="", encoding="ascii") as stream:
        rows = list(csv.DictReader(stream))
    columns = ("d_loss_real", "d_loss_fake", "g_loss")
    return np.array([[np.float32(row[c]) for c in columns] for row in rows], dtype=np.float64)


def read_idx(path):
    """IDX images u8 [count, height, width], gzipped or not; of a folder, what wgan-cl takes."""
    path = pathlib.Path(path)
    if path.is_dir():
        names = [f"{s}-images-idx3-ubyte{e}" for s in ("train", "t10k") for e in ("", ".gz")]
        path = next((path / name for name in names if (path / name).exists()), path / names[0])
    data = path.read_bytes()
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    magic, count, height, width = struct.unpack(">4I", data[:16])
    if magic != 0x803 or len(data) != 16 + count * height * width:
        raise ValueError(f"{path}: not an IDX file of images")
    return np.frombuffer(data, dtype=np.uint8, offset=16).reshape(count, height, width)


def write_idx(path, images):
    header = struct.pack(">4I", 0x803, *images.shape)
    pathlib.Path(path).write_bytes(header + images.astype(np.uint8).tobytes())


def draw_strokes(count=1000, side=28):
    """Images of three random strokes each, u8 [count, side, side]; always the same ones."""
    rng = np.random.default_rng(0)
    ends = rng.uniform(4, side - 4, size=(count, 3, 2, 1, 1, 2))
    grid = np.stack(np.meshgrid(np.arange(side), np.arange(side), indexing="ij"), axis=-1)
    begin, along = ends[:, :, 0], ends[:, :, 1] - ends[:, :, 0]
    t = ((grid - begin) * along).sum(-1) / np.maximum((along**2).sum(-1), 1e-9)
    distance = np.linalg.norm(begin + np.clip(t, 0, 1)[..., None] * along - grid, axis=-1)
    return np.round(255 * np.clip(2.0 - distance.min(axis=1), 0, 1)).astype(np.uint8)
