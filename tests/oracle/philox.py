# SPDX-License-Identifier: LGPL-2.1-or-later
"""The noise of gst-ddpm, written a second time from its definition: Philox4x32-10
(Salmon et al. 2011) with key = seed, counter = (element / 4, sample, stream)."""
import numpy as np

TRAINER = 0x80000000
TIMESTEP, EPS, FLIP = TRAINER, TRAINER + 1, TRAINER + 2
DROPOUT = TRAINER + 0x1000
WEIGHTS = TRAINER + 99          # weights of the test networks
IMAGES = TRAINER + 98           # pictures of the test batches
PROJECTION = TRAINER + 97       # vectors that gradients are projected on

LOW = np.uint64(0xffffffff)
HALF = np.uint64(32)


def words(seed, sample, stream, count):
    """The first `count` 32-bit words of (seed, sample, stream)."""
    blocks = (count + 3) // 4
    c = [np.arange(blocks, dtype=np.uint64)]
    c += [np.full(blocks, v, dtype=np.uint64)
          for v in (sample & 0xffffffff, sample >> 32, stream)]
    k0, k1 = seed & 0xffffffff, seed >> 32
    for _ in range(10):
        a = c[0] * np.uint64(0xd2511f53)
        b = c[2] * np.uint64(0xcd9e8d57)
        c = [(b >> HALF) ^ c[1] ^ np.uint64(k0), b & LOW,
             (a >> HALF) ^ c[3] ^ np.uint64(k1), a & LOW]
        k0 = (k0 + 0x9e3779b9) & 0xffffffff
        k1 = (k1 + 0xbb67ae85) & 0xffffffff
    return np.stack(c, axis=1).reshape(-1)[:count]


def uniform(seed, sample, stream, count):
    return ((words(seed, sample, stream, count) >> np.uint64(9)) + 0.5) * 2.0 ** -23


def normal(seed, sample, stream, count):
    u = uniform(seed, sample, stream, (count + 3) // 4 * 4).reshape(-1, 2)
    radius, angle = np.sqrt(-2 * np.log(u[:, 0])), 2 * np.pi * u[:, 1]
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1).reshape(-1)[:count]


def batch(draw, seed, first_sample, stream, n, shape):
    """`shape` numbers for each of n samples, rounded to float as the library holds them."""
    count = int(np.prod(shape))
    rows = [draw(seed, first_sample + i, stream, count) for i in range(n)]
    return np.stack(rows).reshape(n, *shape).astype(np.float32)
