#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes ../data/unet-<net>.safetensors: one forward and backward pass in double.

x_t, eps, out: [n][height][width][channels] as the library lays them out; t: [n];
labels: [n], of a network with classes: the first and the last image share one;
loss: mean of (out - eps)^2; g.<name>: summary (oracle.py) of each gradient. Where a
norm's groups hold one channel each, the biases before it have gradients that are 0
but for rounding, and so has every proj_k.bias."""
import torch

import oracle
import philox

SEED = 3

for kind in oracle.NETS | oracle.LARGE_NETS | oracle.LABELLED_NETS:
    net, T, shape = oracle.make_net(kind)
    n = 3
    x_t = philox.batch(philox.normal, SEED, 0, philox.EPS + 100, n, shape)
    eps = philox.batch(philox.normal, SEED, 0, philox.EPS, n, shape)
    t = torch.tensor([0, T // 2, T - 1])
    labels = torch.tensor([3, -1, 3]) if kind in oracle.LABELLED_NETS else None
    out = net(oracle.nchw(x_t), t, labels)
    loss = torch.mean((out - oracle.nchw(eps)) ** 2)
    loss.backward()
    tensors = dict(x_t=x_t, eps=eps, t=t.numpy(), out=oracle.nhwc(out), loss=[loss.item()])
    if labels is not None:
        tensors['labels'] = labels.numpy()
    for name, p in oracle.trained(net):
        tensors['g.' + name] = oracle.summary(name, p.grad)
    oracle.save(f'unet-{kind}.safetensors', tensors)
