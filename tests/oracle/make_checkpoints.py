#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes what the tests of checkpoints read:

../data/notebook.safetensors: the state_dict of a small UNet in half precision,
as save_file () would write it, without metadata;
../data/notebook.json: name -> the sum of its numbers (exact: halves are multiples
of 2^-24, and there are few);
../data/state-dicts.json: arguments of UNets, and names and shapes of their
state_dicts, in PyTorch's order;
../data/rounding.safetensors: floats, and what PyTorch rounds them to."""
import json
import pathlib
import struct

import torch

from notebook_unet import UNet

DATA = pathlib.Path(__file__).resolve().parent.parent / 'data'
DTYPES = {torch.float32: 'F32', torch.float16: 'F16', torch.bfloat16: 'BF16'}

SMALL = dict(T=10, ch=32, ch_mult=[1], attn=[0], num_res_blocks=1)
NETS = [
    dict(T=1000, ch=128, ch_mult=[1, 2, 2, 1], attn=[1], num_res_blocks=2),
    dict(T=1000, ch=128, ch_mult=[1, 2, 2, 2], attn=[1], num_res_blocks=2),
    dict(T=7, ch=32, ch_mult=[1, 2], attn=[], num_res_blocks=1, image_channels=1),
    dict(T=20, ch=32, ch_mult=[2], attn=[0], num_res_blocks=2),
    dict(T=50, ch=32, ch_mult=[1, 1, 2], attn=[0, 2], num_res_blocks=3),
    dict(T=2, ch=64, ch_mult=[1, 2, 1, 1, 3], attn=[1, 4], num_res_blocks=1),
]


def data(tensor):
    width = torch.int32 if tensor.element_size() == 4 else torch.int16
    return tensor.contiguous().view(width).numpy().tobytes()


def save(path, tensors):
    header, blobs, offset = {}, [], 0
    for name, tensor in tensors.items():
        blob = data(tensor)
        header[name] = dict(dtype=DTYPES[tensor.dtype], shape=list(tensor.shape),
                            data_offsets=[offset, offset + len(blob)])
        blobs.append(blob)
        offset += len(blob)
    text = json.dumps(header, separators=(',', ':')).encode()
    text += b' ' * (-len(text) % 8)
    path.write_bytes(struct.pack('<Q', len(text)) + text + b''.join(blobs))


def notebook():
    torch.manual_seed(1)
    weights = UNet(**SMALL).half().state_dict()
    save(DATA / 'notebook.safetensors', weights)
    sums = {name: w.double().sum().item() for name, w in weights.items()}
    (DATA / 'notebook.json').write_text(json.dumps(sums, indent=0))


def state_dicts():
    nets = []
    for arguments in NETS:
        weights = UNet(**arguments).state_dict()
        shapes = {name: list(w.shape) for name, w in weights.items()}
        nets.append(dict(arguments=arguments, tensors=shapes))
    text = json.dumps(nets).replace('], "', '],\n"').replace('{"', '\n{"')
    (DATA / 'state-dicts.json').write_text(text + '\n')


def rounding():
    """Every exponent, halves of the last place above and below, subnormals"""
    torch.manual_seed(2)
    bits = torch.randint(0, 1 << 31, (2000,)).int()
    bits[:1000] = bits[:1000] & ~0xffff | 0x8000        # ties of bf16
    bits[1000:1200] = bits[1000:1200] & 0x807fffff      # subnormals
    signs = torch.randint(0, 2, (2000,)).int() << 31
    x = (bits | signs).view(torch.float32)
    x = x[torch.isfinite(x) & torch.isfinite(x.bfloat16())]
    half = torch.arange(1 << 16).int().to(torch.int16).view(torch.float16)
    half = half[torch.isfinite(half)][::13].contiguous()
    save(DATA / 'rounding.safetensors', {
        'x': x, 'x.bf16': x.bfloat16(), 'x.bf16.widened': x.bfloat16().float(),
        'half': half, 'half.widened': half.float()})


notebook()
state_dicts()
rounding()
