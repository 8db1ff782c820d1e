#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes ../data/unet-<net>.safetensors for networks that the notebook does not have,
made by diffusers (UNet2DModel): one forward and backward pass in double, as in
make_unet_dumps.py. Weights have our names, and the formula of oracle.py; the
embedding table is the notebook's."""
import math

import numpy as np
import torch
from diffusers import UNet2DModel

import oracle
import philox

SEED = 3
T = 20
SIZE = 8

# of the C code: tests/support/weights.c
NETS = {
    'padding': dict(
        block_out_channels=(8, 24), layers_per_block=1, norm_num_groups=4, norm_eps=0.01,
        down_block_types=('DownBlock2D', 'AttnDownBlock2D'),
        up_block_types=('AttnUpBlock2D', 'UpBlock2D'), attention_head_dim=None,
        downsample_padding=0, mid_block_scale_factor=math.sqrt(2)),
    'heads': dict(
        block_out_channels=(8, 20), layers_per_block=2, norm_num_groups=4,
        in_channels=4, out_channels=4, attention_head_dim=4, center_input_sample=True,
        down_block_types=('DownBlock2D', 'DownBlock2D'),
        up_block_types=('AttnUpBlock2D', 'AttnUpBlock2D'),
        resnet_time_scale_shift='scale_shift'),
    'variance': dict(
        block_out_channels=(8, 16), layers_per_block=1, norm_num_groups=8,
        out_channels=6, attention_head_dim=None, mid_block_type=None,
        down_block_types=('AttnDownBlock2D', 'DownBlock2D'),
        up_block_types=('UpBlock2D', 'UpBlock2D'), time_embedding_dim=24,
        num_class_embeds=5),
    'middle': dict(
        block_out_channels=(6, 6), layers_per_block=1, norm_num_groups=3,
        in_channels=2, out_channels=2, add_attention=False, attention_head_dim=None,
        down_block_types=('DownBlock2D', 'DownBlock2D'),
        up_block_types=('UpBlock2D', 'UpBlock2D')),
}

RESNET = {'block1.0': 'norm1', 'block1.2': 'conv1', 'temb_proj.1': 'time_emb_proj',
          'block2.0': 'norm2', 'block2.3': 'conv2', 'shortcut': 'conv_shortcut'}
ATTENTION = {'attn.group_norm': 'group_norm', 'attn.proj_q': 'to_q', 'attn.proj_k': 'to_k',
             'attn.proj_v': 'to_v', 'attn.proj': 'to_out.0'}


def modules(net):
    """Our names and diffusers' of all modules with weights."""
    def resnet(ours, block, i):
        pairs = [(f'{ours}.{a}', f'{block}.resnets.{i}.{b}') for a, b in RESNET.items()]
        return pairs + [(f'{ours}.{a}', f'{block}.attentions.{i}.{b}')
                        for a, b in ATTENTION.items()]

    pairs = [('time_embedding.timembedding.1', 'time_embedding.linear_1'),
             ('time_embedding.timembedding.3', 'time_embedding.linear_2'),
             ('label_embedding', 'class_embedding'), ('head', 'conv_in'),
             ('tail.0', 'conv_norm_out'), ('tail.2', 'conv_out')]
    layers, levels = net.config.layers_per_block, len(net.config.block_out_channels)
    for i in range(levels):
        for j in range(layers):
            pairs += resnet(f'downblocks.{i * (layers + 1) + j}', f'down_blocks.{i}', j)
            pairs += resnet(f'upblocks.{i * (layers + 2) + j}', f'up_blocks.{i}', j)
        j = layers
        pairs += resnet(f'upblocks.{i * (layers + 2) + j}', f'up_blocks.{i}', j)
        pairs += [(f'downblocks.{i * (layers + 1) + layers}.main',
                   f'down_blocks.{i}.downsamplers.0.conv'),
                  (f'upblocks.{i * (layers + 2) + layers + 1}.main',
                   f'up_blocks.{i}.upsamplers.0.conv')]
    pairs += resnet('middleblocks.0', 'mid_block', 0)
    pairs += [(f'middleblocks.1.{a}', f'mid_block.resnets.1.{b}') for a, b in RESNET.items()]
    return pairs


class Table(torch.nn.Module):
    """The notebook's embedding of timesteps."""

    def __init__(self, channels):
        super().__init__()
        i = torch.arange(0, channels, 2)
        angles = torch.arange(T)[:, None] * torch.exp(-i / channels * math.log(10000))
        self.table = torch.stack([angles.sin(), angles.cos()], dim=-1).view(T, channels)

    def forward(self, t):
        return self.table[t].double()


for kind, arguments in NETS.items():
    net = UNet2DModel(sample_size=SIZE, **arguments).double()
    net.time_proj = Table(net.config.block_out_channels[0])
    params = dict(net.named_parameters())
    ours = {}
    for a, b in modules(net):
        for end in '.weight', '.bias':
            if b + end in params:
                ours[a + end] = params.pop(b + end)
    assert not params, params.keys()
    for name, p in ours.items():
        # a product with q, k and v is a convolution of one pixel to us
        shape = [*p.shape, 1, 1] if '.attn.proj' in name and p.ndim == 2 else p.shape
        p.data = oracle.formula(name, shape).view(p.shape)
    n = 3
    c = net.config.in_channels
    x_t = philox.batch(philox.normal, SEED, 0, philox.EPS + 100, n, (SIZE, SIZE, c))
    eps = philox.batch(philox.normal, SEED, 0, philox.EPS, n,
                       (SIZE, SIZE, net.config.out_channels))
    t = torch.tensor([0, T // 2, T - 1])
    labels = torch.tensor([3, 1, 3]) if net.config.num_class_embeds else None
    out = net(oracle.nchw(x_t), t, class_labels=labels).sample
    loss = torch.mean((out - oracle.nchw(eps)) ** 2)
    loss.backward()
    tensors = dict(x_t=x_t, eps=eps, t=t.numpy(), out=oracle.nhwc(out), loss=[loss.item()])
    if labels is not None:
        tensors['labels'] = labels.numpy()
    for name, p in ours.items():
        tensors['g.' + name] = oracle.summary(name, p.grad)
    oracle.save(f'unet-{kind}.safetensors', tensors)
