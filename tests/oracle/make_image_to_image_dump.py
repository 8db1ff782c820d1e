#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes ../data/image-to-image.json: an image through add_noise () of diffusers at
t = 399 and a DDIM loop from there (SDEdit), with noise of ours (needs torch and
diffusers 0.42).

The network is that of ../data/diffusers/tiny-google. The image has the bytes 3 i mod 256,
[height][width][channels]; its noise is that of sample 0, seed SEED, stream 0. The dump
is the configuration of the scheduler, the state x_400 [height][width][channels], and for
each number of steps the image in levels of 8-bit colour, not rounded."""
import json
import pathlib

import numpy as np
import torch
from diffusers import DDIMScheduler, UNet2DModel

import philox

DATA = pathlib.Path(__file__).resolve().parent.parent / 'data'
SEED, SIZE, T = 7, 8, 399
CONFIG = dict(num_train_timesteps=1000, timestep_spacing='trailing', clip_sample=True)


def nchw(values):
    return torch.from_numpy(np.asarray(values)).double().reshape(1, SIZE, SIZE, 3) \
        .permute(0, 3, 1, 2)


def rounded(x, digits):
    return [round(float(v), digits) for v in x.permute(0, 2, 3, 1).flatten()]


def denoise(net, x, steps):
    s = DDIMScheduler(**CONFIG)
    s.set_timesteps(steps)
    for t in s.timesteps[s.timesteps <= T]:
        x = s.step(net(x, t).sample, t, x).prev_sample
    return (x.clamp(-1, 1) + 1) * 127.5


def main():
    net = UNet2DModel.from_pretrained(DATA / 'diffusers' / 'tiny-google' / 'unet').double().eval()
    count = 3 * SIZE * SIZE
    x_0 = nchw(3 * np.arange(count) % 256 / 127.5 - 1)
    noise = nchw(philox.normal(SEED, 0, 0, count))
    with torch.no_grad():
        x = DDIMScheduler(**CONFIG).add_noise(x_0, noise, torch.tensor([T]))
        images = {str(n): rounded(denoise(net, x, n), 3) for n in (5, 10, 50)}
    scheduler = dict(_class_name='DDIMScheduler', _diffusers_version='0.42.1',
                     **DDIMScheduler(**CONFIG).config)
    (DATA / 'image-to-image.json').write_text(json.dumps(
        [dict(scheduler=scheduler, state=rounded(x, 6), images=images)]) + '\n')


main()
