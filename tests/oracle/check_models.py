#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Compares networks that diffusers saves with ours, one forward pass each.

    check_models.py BUILD                    the sizes that people have, and 100 drawn ones
    check_models.py BUILD --drawn N --seed S N drawn ones alone

BUILD is the build folder, which has tests/compare-model. It needs torch and diffusers;
the large ones take 1 GB of disk, 6 GB of memory and some minutes. Weights are random.
A drawn network has arguments of UNet2DModel at random, also those that gst-ddpm does not
have: it must play within 1e-4, or the error must name an argument that UNSUPPORTED has."""
import argparse
import contextlib
import json
import os
import pathlib
import random
import shutil
import subprocess
import tempfile

import numpy as np
import torch
from diffusers import UNet2DModel

import oracle

TOLERANCE = 1e-4


def ways(down):
    """Block types: a string such as '.A.'"""
    kinds = {'.': ('DownBlock2D', 'UpBlock2D'), 'A': ('AttnDownBlock2D', 'AttnUpBlock2D')}
    return dict(down_block_types=[kinds[c][0] for c in down],
                up_block_types=[kinds[c][1] for c in reversed(down)])


GOOGLE = dict(downsample_padding=0, norm_eps=1e-6, attention_head_dim=None, freq_shift=1,
              flip_sin_to_cos=False)
LARGE = {
    'google/ddpm-cifar10-32': GOOGLE | ways('.A..') | dict(
        sample_size=32, block_out_channels=[128, 256, 256, 256]),
    'google/ddpm-celebahq-256': GOOGLE | ways('....A.') | dict(
        sample_size=256, block_out_channels=[128, 128, 256, 256, 512, 512]),
    'train_unconditional.py': ways('....A.') | dict(
        sample_size=64, block_out_channels=[128, 128, 256, 256, 512, 512]),
    'the diffusion course': ways('..A.'[:3]) | dict(
        sample_size=32, block_out_channels=[64, 128, 256]),
    'defaults': dict(sample_size=32),
}

# Arguments that change what a network computes, and that gst-ddpm does not have: the key
# and its values, or what tells them
UNSUPPORTED = {
    'down_block_types': lambda v: any('Skip' in t or 'Resnet' in t or 'K' in t for t in v),
    'up_block_types': lambda v: any('Skip' in t or 'Resnet' in t or 'K' in t for t in v),
    'act_fn': lambda v: v not in ('silu', 'swish'),
    'time_embedding_type': lambda v: v == 'fourier',
    'class_embed_type': lambda v: v is not None,
    'downsample_type': lambda v: v == 'resnet',
    'upsample_type': lambda v: v == 'resnet',
    'attn_norm_num_groups': lambda v: v is not None,
    'attention_head_dim': lambda v: v not in (None, 1, 2, 4),
    'resnet_time_scale_shift': lambda v: v not in ('default', 'scale_shift'),
    'in_channels': lambda v: v > 4,
    'out_channels': lambda v: v == 1,
    'block_out_channels': lambda v: v[0] % 2,
    'downsample_padding': lambda v: v > 1,
}


def draw(rng):
    """Arguments of UNet2DModel; most are left out, or what people choose"""
    n = rng.choice([1, 2, 2, 3, 3, 4])
    unit = rng.choice([4, 8, 12])
    a = dict(sample_size=rng.choice([8, 16, [16, 8], [8, 16]]),
             block_out_channels=[unit * rng.choice([1, 2, 3, 4]) for _ in range(n)],
             layers_per_block=rng.choice([1, 1, 2, 3]),
             norm_num_groups=rng.choice([1, 2, 4]))

    def block(way):
        plain = f'{way}Block2D'
        return rng.choice([plain, plain, f'Attn{plain}', f'Attn{plain}']
                          + [f'Resnet{way}sampleBlock2D', f'Skip{plain}', f'AttnSkip{plain}']
                          * (rng.random() < 0.05))
    a['down_block_types'] = [block('Down') for _ in range(n)]
    a['up_block_types'] = [block('Up') for _ in range(n)]
    options = dict(
        channels=[1, 2, 3, 4, 5], center_input_sample=[True, False],
        time_embedding_type=['positional', 'positional', 'learned', 'fourier'],
        time_embedding_dim=[None, 24, 32], freq_shift=[0, 1, 1, 0.5],
        flip_sin_to_cos=[True, False], mid_block_type=['UNetMidBlock2D', None],
        mid_block_scale_factor=[1, 1.4142135, 0.5, 2], downsample_padding=[0, 0, 0, 1],
        downsample_type=['conv', None, 'resnet'], upsample_type=['conv', None, 'resnet'],
        dropout=[0.0, 0.1], act_fn=['silu', 'silu', 'swish', 'SiLU', 'relu', 'gelu', 'mish'],
        attention_head_dim=[None, None, 1, 2, 4, 4, 3, 8], attn_norm_num_groups=[None, 1, 2, 4],
        norm_eps=[1e-6, 1e-6, 1e-5, 1e-3],
        resnet_time_scale_shift=['default', 'scale_shift', 'scale_shift'],
        add_attention=[True, False], class_embed_type=[None, None, 'timestep', 'identity'],
        num_class_embeds=[None, 5, 10], num_train_timesteps=[None, 1000])
    for key, values in options.items():
        if rng.random() < 0.25:
            a[key] = rng.choice(values)
    channels = a.pop('channels', 3)
    a.setdefault('attention_head_dim', rng.choice([2, 4]))
    a['in_channels'] = channels
    a['out_channels'] = channels * rng.choice([1, 1, 1, 1, 2])
    if a.get('time_embedding_type') == 'learned':
        a['num_train_timesteps'] = 1000
    return a


@torch.no_grad()
def randomize(net):
    for name, p in net.named_parameters():
        if p.dim() > 1:
            p.normal_(std=1 / p[0].numel() ** 0.5)
        else:
            p.normal_(1 if name.endswith('weight') else 0, 0.2)


@torch.no_grad()
def dump(net, path, images):
    size = net.config.sample_size
    height, width = (size, size) if isinstance(size, int) else size
    x_t = torch.randn(images, net.config.in_channels, height, width, dtype=torch.double)
    x_t = x_t.float().double()
    tensors = dict(t=torch.tensor([333, 999][:images]))
    labels = None
    if net.class_embedding is not None:
        labels = tensors['labels'] = torch.tensor([2, 0][:images])
    out = net.double().eval()(x_t, tensors['t'], labels).sample
    with contextlib.redirect_stdout(None):
        oracle.save(path, {name: x.numpy() for name, x in tensors.items()}
                    | dict(x_t=oracle.nhwc(x_t), out=oracle.nhwc(out)))
    return width, height


def compare(build, folder, arguments, images):
    """What diffusers says, if it cannot make the network, or what compare-model does"""
    shutil.rmtree(folder, ignore_errors=True)
    try:
        net = UNet2DModel(**arguments)
        randomize(net)
        net.save_pretrained(folder)
        width, height = dump(net, folder / 'dump.safetensors', images)
    except Exception as e:
        return f'diffusers: {str(e).splitlines()[0] if str(e) else type(e)}'
    done = subprocess.run(
        [build / 'tests/compare-model', folder, folder / 'dump.safetensors', str(width),
         str(height), str(images)], capture_output=True, text=True,
        env=os.environ | dict(DDPM_TEST_DATA='/'))
    return (done.stdout + done.stderr).strip().splitlines()[-1]


def distance(result):
    return float(result.split()[1]) if result.startswith('distance: ') else np.inf


def is_right(arguments, result):
    if result.startswith('diffusers: ') or distance(result) < TOLERANCE:
        return True
    return result.startswith('refused: ') and any(
        key in result and key in arguments and found(arguments[key])
        for key, found in UNSUPPORTED.items())


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('build', type=pathlib.Path)
    parser.add_argument('--drawn', type=int)
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--large', action='store_true', help='no drawn ones')
    options = parser.parse_args()
    wrong = 0
    torch.manual_seed(options.seed)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name) / 'net'
        if options.drawn is None:
            for name, arguments in LARGE.items():
                result = compare(options.build, folder, arguments, 1)
                print(f'{name}: {result}', flush=True)
                wrong += distance(result) >= TOLERANCE
        rng = random.Random(options.seed)
        counts = dict(diffusers=0, refused=0, distance=0)
        largest = 0
        for _ in range(0 if options.large else options.drawn or 100):
            arguments = draw(rng)
            result = compare(options.build, folder, arguments, 2)
            kind = result.split(':')[0]
            counts[kind] = counts.get(kind, 0) + 1
            if kind == 'distance':
                largest = max(largest, distance(result))
            if not is_right(arguments, result):
                wrong += 1
                print(f'{json.dumps(arguments)}\n  {result}', flush=True)
    print(f'{counts}, the largest distance {largest:.1e}; {wrong} wrong')
    return wrong > 0


raise SystemExit(main())
