#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks what ddpm-convert writes for diffusers. Not in CI: it needs torch, diffusers
and safetensors.

    ddpm-convert MODEL FOLDER/
    ddpm-convert --to pytorch-names MODEL FILE
    check_diffusers_folder.py FOLDER [FILE]

DDPMPipeline.from_pretrained () opens the folder, and samples from it in three steps.
With FILE, which a network of the notebook's kind has, the UNet of the folder and the
one of notebook_unet.py, with the weights of the file, must agree."""
import json
import pathlib
import sys

import torch
from diffusers import DDPMPipeline
from safetensors.torch import load_file

from notebook_unet import UNet


def notebook_net(path, config):
    weights = load_file(path)
    T, ch = weights['time_embedding.timembedding.0.weight'].shape
    net = UNet(T=T, ch=ch, ch_mult=[c // ch for c in config.block_out_channels],
               attn=[i for i, kind in enumerate(config.down_block_types)
                     if kind.startswith('Attn')],
               num_res_blocks=config.layers_per_block, image_channels=config.in_channels,
               classes=config.num_class_embeds or 0)
    net.load_state_dict({name: w.float() for name, w in weights.items()})
    return net.double(), T


@torch.no_grad()
def compare(folder_net, path):
    config = folder_net.config
    net, T = notebook_net(path, config)
    torch.manual_seed(1)
    x = torch.randn(3, config.in_channels, 32, 32, dtype=torch.float64)
    t = torch.tensor([0, T // 2, T - 1])
    labels = torch.arange(3) if config.num_class_embeds else None
    expected, found = net(x, t, labels), folder_net.double()(x, t, labels).sample
    difference = ((found - expected).norm() / expected.norm()).item()
    print(f'the networks differ by {difference:.1e}')
    return difference < 1e-4


def main(folder, path=None):
    pipeline = DDPMPipeline.from_pretrained(folder)
    pipeline.set_progress_bar_config(disable=True)
    print(f'{type(pipeline.scheduler).__name__}, {pipeline.unet.dtype}')
    known = set(pipeline.unet.config) | set(pipeline.scheduler.config)
    for name in ('unet/config.json', 'scheduler/scheduler_config.json'):
        for key in json.loads((pathlib.Path(folder) / name).read_text()):
            if key not in known and not key.startswith('_'):
                return f'{name} has {key}, which diffusers does not know'
    if pipeline.unet.config.num_class_embeds is None:
        image = pipeline(num_inference_steps=3).images[0]
        print(f'sampled an image of {image.size}')
    return 0 if path is None or compare(pipeline.unet, path) else 'they differ'


sys.exit(main(*sys.argv[1:]))
