"""The random draws of wgan-cl, from README.md, "Random numbers", in NumPy.

Floats are computed in double precision and rounded once at the end.
"""
import numpy as np

STREAM_BATCH = 0
STREAM_NOISE_CRITIC = 1
STREAM_NOISE_GENERATOR = 2

LOW = np.uint64(0xFFFFFFFF)
HALF = np.uint64(32)


def philox4x32(counter, key):
    """Philox4x32-10 (Salmon, Moraes, Dror, Shaw 2011): counters [n, 4], key [2] -> bits [n, 4]."""
    c0, c1, c2, c3 = (np.array(counter[:, lane], dtype=np.uint64) for lane in range(4))
    k0, k1 = (np.uint64(k) for k in key)
    for _ in range(10):
        product0 = np.uint64(0xD2511F53) * c0
        product1 = np.uint64(0xCD9E8D57) * c2
        c0, c1, c2, c3 = (
            (product1 >> HALF) ^ c1 ^ k0,
            product1 & LOW,
            (product0 >> HALF) ^ c3 ^ k1,
            product0 & LOW,
        )
        k0 = (k0 + np.uint64(0x9E3779B9)) & LOW
        k1 = (k1 + np.uint64(0xBB67AE85)) & LOW
    return np.stack([c0, c1, c2, c3], axis=1)


def bits(seed, stream, step, iteration, count):
    """Element i is lane i % 4 of the block with counter (i / 4, step, iteration, stream)."""
    blocks = (count + 3) // 4
    counter = np.zeros((blocks, 4), dtype=np.uint64)
    counter[:, 0] = np.arange(blocks)
    counter[:, 1:] = step, iteration, stream
    return philox4x32(counter, (seed & 0xFFFFFFFF, seed >> 32)).reshape(-1)[:count]


def unit(u):
    """In (0, 1): the middle of one of 2^23 equal cells."""
    return ((u >> np.uint64(9)).astype(np.float64) + 0.5) * 2.0**-23


def indices(seed, step, iteration, images, count):
    """Which images make the real batch of a critic iteration."""
    u = bits(seed, STREAM_BATCH, step, iteration, count)
    return ((u * np.uint64(images)) >> HALF).astype(np.int64)


def noise(seed, stream, step, iteration, shape):
    """Standard normal numbers by Box and Muller (1958), float32."""
    count = int(np.prod(shape))
    u = unit(bits(seed, stream, step, iteration, (count + 3) // 4 * 4)).reshape(-1, 2)
    radius, angle = np.sqrt(-2.0 * np.log(u[:, 0])), 2.0 * np.pi * u[:, 1]
    pairs = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    return pairs.reshape(-1)[:count].reshape(shape).astype(np.float32)
