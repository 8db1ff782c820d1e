# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the dumps share: weights by formula, short summaries of long tensors, and
the writer of safetensors files.

Weights are not stored: both sides compute them. Element i of the parameter `name`
is, with u = uniform (seed 1, sample FNV-1a-64 (name), stream 2^31 + 99, element i)
and r = 2 u - 1, computed in double and rounded to float:
  four or two dimensions:  r * sqrt (3 / fan_in)
  weight of a norm:        1 + r / 2
  bias:                    r / 5
The embedding table is the notebook's.

A summary of a tensor g of `count` elements is 18 floats: its norm; its product with
the vector 2 u - 1 of the same sample in stream 2^31 + 97; and the sixteen elements
floor (k * count / 16).
"""
import json
import pathlib
import struct

import numpy as np
import torch

import philox
from notebook_unet import UNet

DATA = pathlib.Path(__file__).resolve().parent.parent / 'data'
WEIGHT_SEED = 1

# name -> arguments of UNet, height and width of its images
NETS = {
    'square': (dict(T=20, ch=32, ch_mult=[1, 2], attn=[1], num_res_blocks=2), 8, 8),
    'oblong': (dict(T=50, ch=32, ch_mult=[1, 2, 2, 1], attn=[1], num_res_blocks=1,
                    image_channels=1), 16, 32),
}
# with classes, for one pass
LABELLED_NETS = {
    'labelled': (dict(T=20, ch=32, ch_mult=[1, 2], attn=[1], num_res_blocks=1, classes=5), 8, 8),
}
# too large for whole runs of sampling and training
LARGE_NETS = {
    'notebook': (dict(T=1000, ch=128, ch_mult=[1, 2, 2, 1], attn=[1], num_res_blocks=2), 32, 32),
}


def fnv1a(name):
    h = 0xcbf29ce484222325
    for byte in name.encode():
        h = (h ^ byte) * 0x100000001b3 & 0xffffffffffffffff
    return h


def signs(name, stream, count):
    return 2 * philox.uniform(WEIGHT_SEED, fnv1a(name), stream, count) - 1


def formula(name, shape):
    r = signs(name, philox.WEIGHTS, int(np.prod(shape)))
    if len(shape) > 1:
        w = r * np.sqrt(3 / np.prod(shape[1:]))
    else:
        w = 1 + r / 2 if name.endswith('.weight') else r / 5
    return torch.from_numpy(w.astype(np.float32)).view(shape).double()


def make_net(kind):
    """The test network in double, with weights that float holds exactly."""
    arguments, height, width = (NETS | LARGE_NETS | LABELLED_NETS)[kind]
    net = UNet(**arguments).double()
    for name, p in net.named_parameters():
        if p.requires_grad:
            p.data = formula(name, p.shape)
    shape = (height, width, arguments.get('image_channels', 3))
    return net, arguments['T'], shape


def trained(net):
    return [(name, p) for name, p in net.named_parameters() if p.requires_grad]


def summary(name, tensor):
    g = tensor.detach().flatten().numpy()
    picks = g[np.arange(16) * g.size // 16]
    projected = g @ signs(name, philox.PROJECTION, g.size)
    return np.concatenate([[np.linalg.norm(g), projected], picks])


def nchw(x):
    return torch.from_numpy(np.ascontiguousarray(np.moveaxis(x, -1, 1))).double()


def nhwc(x):
    return np.moveaxis(x.detach().numpy(), 1, -1)


def timesteps(seed, first_sample, n, T):
    u = philox.batch(philox.uniform, seed, first_sample, philox.TIMESTEP, n, (1,))
    return np.floor(u[:, 0].astype(np.float64) * T).astype(np.int64)


class Schedule:
    """Linear betas in double; the notebook's coefficients."""

    def __init__(self, T):
        self.betas = torch.linspace(1e-4, 0.02, T, dtype=torch.float64)
        self.bar = torch.cumprod(1 - self.betas, 0)
        self.bar_prev = torch.cat([torch.ones(1, dtype=torch.float64), self.bar[:-1]])

    def q_sample(self, x_0, t, eps):
        bar = self.bar[t].view(-1, 1, 1, 1)
        return bar.sqrt() * x_0 + (1 - bar).sqrt() * eps


def save(name, tensors):
    """float arrays as F32, integers as I32"""
    header, blobs, offset = {}, [], 0
    for key, value in tensors.items():
        value = np.asarray(value)
        whole = np.issubdtype(value.dtype, np.integer)
        blob = np.ascontiguousarray(value, dtype='<i4' if whole else '<f4').tobytes()
        header[key] = dict(dtype='I32' if whole else 'F32', shape=list(value.shape),
                           data_offsets=[offset, offset + len(blob)])
        blobs.append(blob)
        offset += len(blob)
    text = json.dumps(header, separators=(',', ':')).encode()
    text += b' ' * (-len(text) % 8)
    DATA.mkdir(exist_ok=True)
    path = DATA / name
    path.write_bytes(struct.pack('<Q', len(text)) + text + b''.join(blobs))
    print(f'{path.name}: {path.stat().st_size} bytes')
