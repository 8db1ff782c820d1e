#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes ../data/sample-<net>.safetensors: all T steps of ancestral sampling (Ho et
al. 2020, algorithm 2, as in the notebook) in double, from the library's own noise.

Two samples from index 5 of seed 7, [n][height][width][channels]: x_T; x_0 and the
state half way, x_half (T / 2 steps left), in three variants: small (the notebook's
variance, nothing clipped), clipped (small, x_0 clipped to [-1, 1] before the mean),
large (variance beta)."""
import torch

import oracle
import philox

SEED, FIRST, N = 7, 5, 2


def noise(stream, shape):
    return oracle.nchw(philox.batch(philox.normal, SEED, FIRST, stream, N, shape))


def sample(net, T, shape, clip, large):
    s = oracle.Schedule(T)
    x = noise(0, shape)
    for t in range(T - 1, -1, -1):
        if t + 1 == T // 2:
            half = x
        eps = net(x, torch.full((N,), t))
        x_0 = (1 / s.bar[t]).sqrt() * x - (1 / s.bar[t] - 1).sqrt() * eps
        if clip:
            x_0 = x_0.clamp(-1, 1)
        left, left_prev = 1 - s.bar[t], 1 - s.bar_prev[t]
        x = s.bar_prev[t].sqrt() * s.betas[t] / left * x_0 \
            + (1 - s.betas[t]).sqrt() * left_prev / left * x
        if t > 0:
            variance = s.betas[t] if large else s.betas[t] * left_prev / left
            x = x + variance.sqrt() * noise(t, shape)
    return half, x


for kind in oracle.NETS:
    net, T, shape = oracle.make_net(kind)
    tensors = dict(x_T=oracle.nhwc(noise(0, shape)))
    with torch.no_grad():
        for variant, clip, large in (('small', 0, 0), ('clipped', 1, 0), ('large', 0, 1)):
            half, x_0 = sample(net, T, shape, clip, large)
            tensors[variant + '.x_half'] = oracle.nhwc(half)
            tensors[variant + '.x_0'] = oracle.nhwc(x_0)
    oracle.save(f'sample-{kind}.safetensors', tensors)
