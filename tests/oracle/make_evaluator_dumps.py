#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes ../data/evaluator-<run>.safetensors: every term of the variational bound (Ho
et al. 2020, eq. 5) of three images, in double, as divergences of torch.distributions.

Byte e of the picture of sample n is floor (256 u), u = uniform (seed 1, n, stream
2^31 + 98, e); the last sample needs more than 32 bits. eps of timestep t is in stream
3 * 2^30 + t of seed 13. Images and results are [n], [n][T].

mse: mean of (eps - eps_theta)^2; prior: L_T; bits: L_t, of t = 0 the decoder's; the
last two in bits/dim."""
import math

import numpy as np
import torch
from torch.distributions import Normal, kl_divergence

import oracle
import philox

SEED, SAMPLES = 13, [5, 6, (1 << 32) + 3]
EVALUATOR_EPS = 0xc0000000

RUNS = {
    'small': dict(net='square', unit=False, cosine=False, large=False, clip=True),
    'large': dict(net='square', unit=False, cosine=False, large=True, clip=False),
    'unit': dict(net='oblong', unit=True, cosine=True, large=True, clip=True),
}


def betas(T, cosine):
    if not cosine:
        return oracle.Schedule(T).betas
    def bar(u):
        return math.cos((u + 0.008) / 1.008 * math.pi / 2) ** 2
    return torch.tensor([min(1 - bar((t + 1) / T) / bar(t / T), 0.999) for t in range(T)],
                        dtype=torch.float64)


def log_phi_between(a, b):
    """log (Phi (b) - Phi (a)), from the tail that is the shorter one"""
    mirror = a > 0
    a, b = torch.where(mirror, -b, a), torch.where(mirror, -a, b)
    upper, lower = torch.special.log_ndtr(b), torch.special.log_ndtr(a)
    return upper + torch.log1p(-torch.exp(lower - upper))


def decoder(byte, mean, sigma, unit):
    low, level = (0, 1 / 255) if unit else (-1, 2 / 255)
    x = low + byte * level
    a = torch.where(byte == 0, -torch.inf, (x - level / 2 - mean) / sigma)
    b = torch.where(byte == 255, torch.inf, (x + level / 2 - mean) / sigma)
    return -log_phi_between(a, b).mean().item()


def evaluate(sample, net, T, shape, run):
    u = philox.batch(philox.uniform, oracle.WEIGHT_SEED, sample, philox.IMAGES, 1, shape)
    byte = oracle.nchw(np.floor(u.astype(np.float64) * 256))
    x_0 = (byte / 255 if run['unit'] else byte / 127.5 - 1).float().double()
    beta = betas(T, run['cosine'])
    bar = torch.cumprod(1 - beta, 0)
    bar_prev = torch.cat([torch.ones(1, dtype=torch.float64), bar[:-1]])
    tilde = beta * (1 - bar_prev) / (1 - bar)
    noise = Normal(torch.zeros_like(x_0), torch.ones_like(x_0))
    last = Normal(bar[-1].sqrt() * x_0, (1 - bar[-1]).sqrt())
    mse, bits = [], []
    for t in range(T):
        eps = oracle.nchw(philox.batch(philox.normal, SEED, sample, EVALUATOR_EPS + t, 1, shape))
        x_t = bar[t].sqrt() * x_0 + (1 - bar[t]).sqrt() * eps
        eps_theta = net(x_t, torch.tensor([t]))
        guess = (x_t - (1 - bar[t]).sqrt() * eps_theta) / bar[t].sqrt()
        if run['clip']:
            guess = guess.clamp(0 if run['unit'] else -1, 1)
        mse.append(((eps - eps_theta) ** 2).mean().item())
        if t == 0:
            bits.append(decoder(byte, guess, tilde[1].sqrt(), run['unit']))
            continue
        def step(x):
            return (bar_prev[t].sqrt() * beta[t] * x
                    + (1 - beta[t]).sqrt() * (1 - bar_prev[t]) * x_t) / (1 - bar[t])
        variance = beta[t] if run['large'] else tilde[t]
        bits.append(kl_divergence(Normal(step(x_0), tilde[t].sqrt()),
                                  Normal(step(guess), variance.sqrt())).mean().item())
    prior = kl_divergence(last, noise).mean().item()
    return mse, prior / math.log(2), np.array(bits) / math.log(2)


for kind, run in RUNS.items():
    net, T, shape = oracle.make_net(run['net'])
    with torch.no_grad():
        mse, prior, bits = zip(*(evaluate(n, net, T, shape, run) for n in SAMPLES))
    print(np.array(prior), np.array(bits).sum(1), np.array(bits)[:, 0], np.array(mse).mean(1))
    oracle.save(f'evaluator-{kind}.safetensors', dict(mse=mse, prior=prior, bits=bits))
