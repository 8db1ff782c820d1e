#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes ../data/train-<run>.safetensors: ten steps of PyTorch's Adam on the square
network, in double, with the trainer's own timesteps, noise, flips and dropout.

Step k learns from samples 8 k .. 8 k + 7 (fewer where a batch is short) of seed 11.
Byte e of the picture of sample n is floor (256 u), u = uniform (seed 1, n, stream
2^31 + 98, e). plain is the notebook's recipe, paper that of Ho et al. 2020 shrunk to
ten steps.

loss, grad_norm (before clipping), rate: one a step; d.<name>: summary (oracle.py) of
the final less the first weights; e.<name>: the same of their average."""
import numpy as np
import torch

import oracle
import philox

SEED, BATCH, STEPS, RATE = 11, 8, 10, 1e-3

RUNS = {
    'plain': dict(unit=True, flip=False, dropout=0, warmup=0, clip=0, ema=0, last=BATCH),
    'paper': dict(unit=False, flip=True, dropout=0.1, warmup=5, clip=1, ema=0.5, last=5),
}


def images(first, n, shape, run):
    u = philox.batch(philox.uniform, oracle.WEIGHT_SEED, first, philox.IMAGES, n, shape)
    byte = np.floor(u.astype(np.float64) * 256)
    if run['flip']:
        coin = philox.batch(philox.uniform, SEED, first, philox.FLIP, n, (1,))[:, 0]
        byte[coin < 0.5] = byte[coin < 0.5][:, :, ::-1]
    return oracle.nchw((byte / 255 if run['unit'] else byte / 127.5 - 1))


def set_dropout(net, first, p):
    def mask(layer):
        def factors(shape):
            n, c, h, w = shape
            u = philox.batch(philox.uniform, SEED, first, philox.DROPOUT + layer, n, (h, w, c))
            return oracle.nchw((u >= np.float32(p)) / (1 - p))
        return factors
    for layer, module in enumerate(net.dropouts()):
        module.mask = mask(layer) if p > 0 else None


def train(run):
    net, T, shape = oracle.make_net('square')
    schedule = oracle.Schedule(T)
    parameters = [p for _, p in oracle.trained(net)]
    start = [p.detach().clone() for p in parameters]
    average = [p.detach().clone() for p in parameters]
    adam = torch.optim.Adam(parameters, lr=RATE)
    losses, norms, rates = [], [], []
    for step in range(STEPS):
        n, first = run['last'] if step == STEPS - 1 else BATCH, step * BATCH
        x_0 = images(first, n, shape, run)
        t = torch.from_numpy(oracle.timesteps(SEED, first, n, T))
        eps = oracle.nchw(philox.batch(philox.normal, SEED, first, philox.EPS, n, shape))
        set_dropout(net, first, run['dropout'])
        loss = torch.mean((net(schedule.q_sample(x_0, t, eps), t) - eps) ** 2)
        adam.zero_grad()
        loss.backward()
        norms.append(torch.nn.utils.clip_grad_norm_(parameters, run['clip'] or 1e30).item())
        rates.append(RATE * min(1, (step + 1) / max(run['warmup'], 1)))
        adam.param_groups[0]['lr'] = rates[-1]
        adam.step()
        decay = min(run['ema'], (1 + step) / (10 + step))
        for a, p in zip(average, parameters):
            a.mul_(decay).add_(p.detach(), alpha=1 - decay)
        losses.append(loss.item())
    print(losses, norms)
    tensors = dict(loss=losses, grad_norm=norms, rate=rates)
    for (name, p), a, w in zip(oracle.trained(net), average, start):
        tensors['d.' + name] = oracle.summary(name, p - w)
        if run['ema'] > 0:
            tensors['e.' + name] = oracle.summary(name, a - w)
    return tensors


for kind, run in RUNS.items():
    oracle.save(f'train-{kind}.safetensors', train(run))
