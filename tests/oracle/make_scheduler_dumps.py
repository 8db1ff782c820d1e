#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes ../data/schedulers.json: betas of diffusers, and whole sampling by its
schedulers (needs torch and diffusers 0.42).

A stand-in of a network predicts, of a state x at timestep t, element by element,
  pred = sin (3 x) / 2 + cos (t / 7) / 2 [+ 0.9 x for epsilon and v_prediction]
  v    = cos (5 x) - 0.2                  (its variance, with learned_range)
x_T has ELEMENTS numbers: the noise of sample 0, seed SEED, stream 0. The z of a step is
that of the stream of its timestep, as in all of our samplers. Schedulers compute in
float; their betas and products of alphas are replaced by ones in double.

The dump is two lists: betas of schedules; and runs, each with the configuration of the
scheduler, the arguments of its step (), and the state after each step."""
import json
import pathlib
from unittest import mock

import numpy as np
import torch
from diffusers import DDIMScheduler, DDPMScheduler, DPMSolverMultistepScheduler
from diffusers.schedulers import scheduling_ddim, scheduling_ddpm

import philox

OUT = pathlib.Path(__file__).resolve().parent.parent / 'data' / 'schedulers.json'
SEED, ELEMENTS = 3, 4
CLASSES = dict(ddpm=DDPMScheduler, ddim=DDIMScheduler, dpmpp=DPMSolverMultistepScheduler)

SCHEDULES = [dict(beta_schedule=s, num_train_timesteps=T, rescale_betas_zero_snr=z,
                  beta_start=0.001, beta_end=0.05)
             for s in ('linear', 'scaled_linear', 'squaredcos_cap_v2', 'sigmoid')
             for T, z in ((12, False), (12, True))]

FULL = dict(num_train_timesteps=20, beta_start=0.001, beta_end=0.3)
LONG = dict(num_train_timesteps=1000)
COSINE = dict(num_train_timesteps=1000, beta_schedule='squaredcos_cap_v2')
V = dict(prediction_type='v_prediction')
ZERO = dict(V, rescale_betas_zero_snr=True, timestep_spacing='trailing')


def runs():
    for variance in ('fixed_small', 'fixed_large', 'learned_range'):
        for clip in (True, False):
            yield 'ddpm', 20, dict(FULL, variance_type=variance, clip_sample=clip), {}
        for spacing in ('leading', 'trailing', 'linspace'):
            yield 'ddpm', 7, dict(LONG, variance_type=variance, timestep_spacing=spacing), {}
    yield 'ddpm', 9, dict(COSINE, variance_type='fixed_large', clip_sample_range=0.5, **V), {}
    yield 'ddpm', 10, dict(LONG, variance_type='learned_range', beta_schedule='sigmoid',
                           prediction_type='sample'), {}
    yield 'ddpm', 8, dict(COSINE, **ZERO), {}
    for spacing in ('leading', 'trailing', 'linspace'):
        for steps in (6, 30):
            yield 'ddim', steps, dict(LONG, timestep_spacing=spacing), {}
            yield 'ddim', steps, dict(LONG, timestep_spacing=spacing, clip_sample=False), \
                dict(eta=0.7)
    for prediction in ('epsilon', 'v_prediction', 'sample'):
        for final in (True, False):
            yield 'ddim', 8, dict(
                LONG, beta_schedule='scaled_linear', steps_offset=1, set_alpha_to_one=final,
                clip_sample_range=0.8, prediction_type=prediction), dict(eta=0.3)
    yield 'ddim', 20, dict(FULL, set_alpha_to_one=False), {}
    yield 'ddim', 20, dict(FULL, clip_sample_range=0.6), dict(eta=1, use_clipped_model_output=True)
    yield 'ddim', 8, dict(COSINE, **ZERO), dict(eta=1)
    yield 'ddim', 8, dict(LONG, **dict(ZERO, prediction_type='sample')), {}
    for spacing in ('leading', 'trailing', 'linspace'):
        yield 'dpmpp', 6, dict(LONG, timestep_spacing=spacing), {}
        yield 'dpmpp', 20, dict(LONG, timestep_spacing=spacing, steps_offset=1,
                                prediction_type='sample'), {}
    yield 'dpmpp', 7, dict(LONG, **ZERO), {}


def noise(stream):
    return torch.from_numpy(philox.normal(SEED, 0, stream, ELEMENTS)).float().double() \
        .reshape(1, 1, 1, ELEMENTS)


def exact_betas(config):
    """By the definitions, in double"""
    T = config.num_train_timesteps
    first, last = config.beta_start, config.beta_end
    if config.beta_schedule == 'linear':
        betas = np.linspace(first, last, T)
    elif config.beta_schedule == 'scaled_linear':
        betas = np.linspace(first ** 0.5, last ** 0.5, T) ** 2
    elif config.beta_schedule == 'squaredcos_cap_v2':
        bar = np.cos((np.arange(T + 1) / T + 0.008) / 1.008 * np.pi / 2) ** 2
        betas = np.minimum(1 - bar[1:] / bar[:-1], 0.999)
    else:
        betas = first + (last - first) / (1 + np.exp(-np.linspace(-6, 6, T)))
    betas = torch.from_numpy(betas)
    if config.rescale_betas_zero_snr:
        betas = scheduling_ddpm.rescale_zero_terminal_snr(betas)
    return betas


def make(kind, config):
    """The scheduler in double, and how far its own betas are from that."""
    s = CLASSES[kind](**config)
    betas = exact_betas(s.config)
    assert torch.allclose(s.betas.double(), betas, rtol=1e-4, atol=1e-6), config
    s.betas, s.alphas = betas, 1 - betas
    s.alphas_cumprod = torch.cumprod(s.alphas, 0)
    s.one = torch.tensor(1.0, dtype=torch.float64)
    if kind == 'ddim':
        s.final_alpha_cumprod = s.one if s.config.set_alpha_to_one else s.alphas_cumprod[0]
    if kind == 'dpmpp':
        if s.config.rescale_betas_zero_snr:
            s.alphas_cumprod[-1] = 2 ** -24
        s.alpha_t, s.sigma_t = s.alphas_cumprod.sqrt(), (1 - s.alphas_cumprod).sqrt()
        s.lambda_t = torch.log(s.alpha_t) - torch.log(s.sigma_t)
    return s


def network(config, x, t):
    pred = torch.sin(3 * x) / 2 + np.cos(t / 7) / 2
    if config.get('prediction_type') != 'sample':
        pred = pred + 0.9 * x
    if config.get('variance_type') == 'learned_range':
        pred = torch.cat([pred, torch.cos(5 * x) - 0.2], 1)
    return pred


def sample(kind, steps, config, arguments):
    s = make(kind, config)
    s.set_timesteps(steps)
    x = noise(0)
    states = []
    for t in s.timesteps.tolist():
        with mock.patch.object(scheduling_ddpm, 'randn_tensor', lambda *a, **k: noise(t)), \
                mock.patch.object(scheduling_ddim, 'randn_tensor', lambda *a, **k: noise(t)):
            x = s.step(network(config, x, t), t, x.double(), **arguments).prev_sample.double()
        assert x.isfinite().all(), (kind, config)
        states.append([float(f'{v:.9g}') for v in x.flatten()])
    return states


def main():
    betas = [dict(c, betas=exact_betas(DDPMScheduler(**c).config).tolist()) for c in SCHEDULES]
    for c in SCHEDULES:
        make('ddpm', c)
    all_runs = [dict(sampler=k, steps=n, config=c, arguments=a, states=sample(k, n, c, a))
                for k, n, c, a in runs()]
    OUT.write_text(json.dumps([betas, all_runs]).replace('}, {', '},\n{') + '\n')


main()
