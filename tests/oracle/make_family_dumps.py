#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes ../data/families.json and ../data/family-*.safetensors: networks with the names
and shapes of other programs, and what they compute.

The networks are written here from the papers and from the programs' lists of names: that
of pesser/pytorch_diffusion and ermongroup/ddim (pesser), and that of improved-diffusion
and guided-diffusion (guided). Weights are those of oracle.formula () for their names, so
that no file has them: families.json has the names and shapes of each network, in the order
of their first use. A dump has x_t, t [n], labels [n] (of a network with classes) and out
of one forward pass in double."""
import json
import math

import numpy as np
import torch
import torch.nn.functional as F

import oracle
import philox

N, SIZE, T = 3, 8, 1000


class Net:
    """Layers by name; `shapes` lists their weights as they are used."""

    def __init__(self, eps):
        self.eps, self.shapes = eps, {}

    def weight(self, name, *shape):
        self.shapes[name] = list(shape)
        return oracle.formula(name, shape)

    def linear(self, x, name, out):
        return F.linear(x, self.weight(f'{name}.weight', out, x.shape[1]),
                        self.weight(f'{name}.bias', out))

    def conv(self, x, name, out, kernel=3, **keywords):
        return F.conv2d(x, self.weight(f'{name}.weight', out, x.shape[1], kernel, kernel),
                        self.weight(f'{name}.bias', out), **keywords)

    def norm(self, x, name):
        channels = x.shape[1]
        return F.group_norm(x, 32, self.weight(f'{name}.weight', channels),
                            self.weight(f'{name}.bias', channels), self.eps)


def attend(q, k, v):
    """Of each head: channels times positions"""
    weights = torch.einsum('bct,bcs->bts', q, k) / math.sqrt(q.shape[1])
    return torch.einsum('bts,bcs->bct', weights.softmax(2), v)


def angles(t, half, last):
    frequencies = torch.exp(-math.log(10000) * torch.arange(half, dtype=torch.float32) / last)
    return t.float()[:, None] * frequencies


# --- pytorch_diffusion, ddim: asymmetric padding, eps 1e-6, one head -------------------
def pesser(net, x, t, channels, mult, attention_levels, blocks):
    def res(h, name, out):
        y = net.conv(F.silu(net.norm(h, f'{name}.norm1')), f'{name}.conv1', out, padding=1)
        y = y + net.linear(F.silu(temb), f'{name}.temb_proj', out)[:, :, None, None]
        y = net.conv(F.silu(net.norm(y, f'{name}.norm2')), f'{name}.conv2', out, padding=1)
        if h.shape[1] != out:
            h = net.conv(h, f'{name}.nin_shortcut', out, 1)
        return h + y

    def attention(h, name):
        c, y = h.shape[1], net.norm(h, f'{name}.norm')
        q, k, v = (net.conv(y, f'{name}.{p}', c, 1).flatten(2) for p in 'qkv')
        return h + net.conv(attend(q, k, v).view_as(h), f'{name}.proj_out', c, 1)

    table = angles(t, channels // 2, channels // 2 - 1)
    temb = torch.cat([table.sin(), table.cos()], 1).double()
    temb = net.linear(temb, 'temb.dense.0', 4 * channels)
    temb = net.linear(F.silu(temb), 'temb.dense.1', 4 * channels)

    h = net.conv(x, 'conv_in', channels, padding=1)
    skips = [h]
    for i, m in enumerate(mult):
        for j in range(blocks):
            h = res(h, f'down.{i}.block.{j}', m * channels)
            if i in attention_levels:
                h = attention(h, f'down.{i}.attn.{j}')
            skips.append(h)
        if i + 1 < len(mult):
            h = net.conv(F.pad(h, (0, 1, 0, 1)), f'down.{i}.downsample.conv', h.shape[1],
                         stride=2)
            skips.append(h)
    h = res(h, 'mid.block_1', h.shape[1])
    h = attention(h, 'mid.attn_1')
    h = res(h, 'mid.block_2', h.shape[1])
    for i, m in reversed(list(enumerate(mult))):
        for j in range(blocks + 1):
            h = res(torch.cat([h, skips.pop()], 1), f'up.{i}.block.{j}', m * channels)
            if i in attention_levels:
                h = attention(h, f'up.{i}.attn.{j}')
        if i > 0:
            h = net.conv(F.interpolate(h, scale_factor=2.0), f'up.{i}.upsample.conv',
                         h.shape[1], padding=1)
    return net.conv(F.silu(net.norm(h, 'norm_out')), 'conv_out', x.shape[1], padding=1)


# --- improved-diffusion, guided-diffusion: heads, q k v in one layer -------------------
def guided(net, x, t, channels, mult, attention_levels, blocks, labels=None, classes=0,
           scale_shift=False, learn_sigma=False, heads=4):
    def res(h, name, out):
        y = net.conv(F.silu(net.norm(h, f'{name}.in_layers.0')), f'{name}.in_layers.2', out,
                     padding=1)
        emb = net.linear(F.silu(temb), f'{name}.emb_layers.1',
                         out * (2 if scale_shift else 1))[:, :, None, None]
        if scale_shift:
            scale, shift = emb.chunk(2, 1)
            y = net.norm(y, f'{name}.out_layers.0') * (1 + scale) + shift
        else:
            y = net.norm(y + emb, f'{name}.out_layers.0')
        y = net.conv(F.silu(y), f'{name}.out_layers.3', out, padding=1)
        if h.shape[1] != out:
            h = net.conv(h, f'{name}.skip_connection', out, 1)
        return h + y

    def attention(h, name):
        b, c = h.shape[:2]
        y = net.norm(h, f'{name}.norm').flatten(2)
        # a convolution of one dimension; of each head, its q, its k and its v
        qkv = F.conv1d(y, net.weight(f'{name}.qkv.weight', 3 * c, c, 1),
                       net.weight(f'{name}.qkv.bias', 3 * c))
        q, k, v = qkv.reshape(b * heads, 3 * c // heads, -1).chunk(3, 1)
        y = attend(q, k, v).reshape(b, c, -1)
        y = F.conv1d(y, net.weight(f'{name}.proj_out.weight', c, c, 1),
                     net.weight(f'{name}.proj_out.bias', c))
        return h + y.view_as(h)

    table = angles(t, channels // 2, channels // 2)
    temb = torch.cat([table.cos(), table.sin()], 1).double()
    temb = net.linear(temb, 'time_embed.0', 4 * channels)
    temb = net.linear(F.silu(temb), 'time_embed.2', 4 * channels)
    if classes:
        temb = temb + net.weight('label_emb.weight', classes, 4 * channels)[labels]

    h = net.conv(x, 'input_blocks.0.0', channels, padding=1)
    skips = [h]
    for i, m in enumerate(mult):
        for _ in range(blocks):
            h = res(h, f'input_blocks.{len(skips)}.0', m * channels)
            if i in attention_levels:
                h = attention(h, f'input_blocks.{len(skips)}.1')
            skips.append(h)
        if i + 1 < len(mult):
            h = net.conv(h, f'input_blocks.{len(skips)}.0.op', h.shape[1], stride=2, padding=1)
            skips.append(h)
    h = res(h, 'middle_block.0', h.shape[1])
    h = attention(h, 'middle_block.1')
    h = res(h, 'middle_block.2', h.shape[1])
    k = 0
    for i, m in reversed(list(enumerate(mult))):
        for j in range(blocks + 1):
            h = res(torch.cat([h, skips.pop()], 1), f'output_blocks.{k}.0', m * channels)
            last = 1
            if i in attention_levels:
                h = attention(h, f'output_blocks.{k}.1')
                last = 2
            if i > 0 and j == blocks:
                h = net.conv(F.interpolate(h, scale_factor=2.0),
                             f'output_blocks.{k}.{last}.conv', h.shape[1], padding=1)
            k += 1
    return net.conv(F.silu(net.norm(h, 'out.0')), 'out.2',
                    x.shape[1] * (2 if learn_sigma else 1), padding=1)


# name -> the function, its eps and its arguments
NETS = {
    'pesser': (pesser, 1e-6, dict(channels=32, mult=[1, 2, 1], attention_levels=[1],
                                  blocks=1)),
    'guided': (guided, 1e-5, dict(channels=32, mult=[1, 1, 2], attention_levels=[1, 2],
                                  blocks=2, scale_shift=True, learn_sigma=True)),
    'improved': (guided, 1e-5, dict(channels=32, mult=[1, 2], attention_levels=[0], blocks=1,
                                    classes=5)),
}


@torch.no_grad()
def main():
    shapes = {}
    for name, (function, eps, arguments) in NETS.items():
        net = Net(eps)
        t = np.array([0, T // 3, T - 1])
        x_t = philox.batch(philox.normal, 7, 0, philox.EPS, N, (SIZE, SIZE, 3))
        tensors = dict(x_t=x_t, t=t)
        if arguments.get('classes'):
            tensors['labels'] = np.array([4, 0, 2])
            arguments['labels'] = torch.from_numpy(tensors['labels'])
        out = function(net, oracle.nchw(x_t), torch.from_numpy(t), **arguments)
        tensors['out'] = oracle.nhwc(out)
        oracle.save(f'family-{name}.safetensors', tensors)
        shapes[name] = net.shapes
        print(f'{name}: {sum(math.prod(s) for s in net.shapes.values())} weights, output '
              f'{out.std():.3f}')
    lines = ',\n'.join(f' "{name}": {json.dumps(s)}' for name, s in shapes.items())
    (oracle.DATA / 'families.json').write_text('{\n' + lines + '\n}\n')


main()
