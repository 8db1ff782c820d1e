#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks what ddpm-convert writes for diffusers. Not in CI: it needs torch and diffusers.

    check_diffusers_folder.py BUILD [MODEL ...]

BUILD is the build folder. Each MODEL (by default those of tests/data/diffusers) becomes a
checkpoint of ours and, from there, a folder. DDPMPipeline.from_pretrained () opens it and
must know all keys of its configurations. Of a model without classes it samples, with
noise of ours, all timesteps. ddpmdenoise must make the same images of the checkpoint, but
for one level of 8 bits."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
from unittest import mock

import numpy as np
import torch
from diffusers import DDPMPipeline
from diffusers.pipelines.ddpm import pipeline_ddpm
from diffusers.schedulers import scheduling_ddpm

import oracle
import philox

SEED, N = 11, 2
DATA = pathlib.Path(__file__).parent.parent / 'data' / 'diffusers'
FORMATS = {1: 'GRAY8', 3: 'RGB', 4: 'RGBA'}


def check_keys(folder, pipeline):
    known = set(pipeline.unet.config) | set(pipeline.scheduler.config)
    for name in ('unet/config.json', 'scheduler/scheduler_config.json'):
        for key in json.loads((folder / name).read_text()):
            if key not in known and not key.startswith('_'):
                sys.exit(f'{name} has {key}, which diffusers does not know')


def image_shape(config):
    size = config.sample_size
    height, width = (size, size) if isinstance(size, int) else size
    return height, width, config.in_channels


def sample_theirs(pipeline):
    """DDPMPipeline itself, with noise of ours: that of the timestep it is at"""
    shape = image_shape(pipeline.unet.config)
    stream = 0
    step = pipeline.scheduler.step

    def draw(*_, **__):
        return oracle.nchw(philox.batch(philox.normal, SEED, 0, stream, N, shape)).float()

    def step_at(output, t, x, **keywords):
        nonlocal stream
        stream = int(t)
        return step(output, t, x, **keywords)

    pipeline.set_progress_bar_config(disable=True)
    with (mock.patch.object(pipeline_ddpm, 'randn_tensor', draw),
          mock.patch.object(scheduling_ddpm, 'randn_tensor', draw),
          mock.patch.object(pipeline.scheduler, 'step', step_at)):
        return pipeline(batch_size=N, output_type='np', num_inference_steps=pipeline
                        .scheduler.config.num_train_timesteps).images * 255


def sample_ours(build, model, config):
    """As the model recommends"""
    height, width, channels = image_shape(config)
    with tempfile.NamedTemporaryFile() as pixels:
        subprocess.run(
            ['gst-launch-1.0', '-q', 'ddpmnoise', f'seed={SEED}', 'num-buffers=1',
             f'batch-size={N}', '!', 'ddpmdenoise', f'model={model}', 'backend=reference',
             '!', f'video/x-raw,format={FORMATS[channels]}', '!', 'filesink',
             f'location={pixels.name}'], check=True,
            env=os.environ | {'GST_PLUGIN_PATH': str(build / 'plugins')})
        images = np.frombuffer(pathlib.Path(pixels.name).read_bytes(), np.uint8)
    stride = images.size // (N * height)        # GStreamer pads rows to 4 bytes
    return images.reshape(N, height, stride)[:, :, :width * channels].reshape(
        N, height, width, channels)


def check(build, model, folder):
    convert = build / 'tools' / 'ddpm-convert'
    ours = folder / 'ours.bin'
    subprocess.run([convert, model, ours], check=True)
    subprocess.run([convert, '--to', 'diffusers', ours, folder / 'theirs'], check=True)
    pipeline = DDPMPipeline.from_pretrained(folder / 'theirs')
    check_keys(folder / 'theirs', pipeline)
    kind = type(pipeline.scheduler).__name__
    if pipeline.unet.config.num_class_embeds or kind != 'DDPMScheduler':
        print(f'{model}: opens, with {kind}')
        return
    theirs = sample_theirs(pipeline)
    images = sample_ours(build, ours, pipeline.unet.config)
    difference = abs(images - theirs).max()
    print(f'{model}: images of {images.std():.0f} levels deviation differ by '
          f'{difference:.2f} levels')
    if difference > 1:
        sys.exit('expected one level at most')


def main(build, *models):
    for model in models or sorted(d for d in DATA.iterdir() if d.is_dir()):
        with tempfile.TemporaryDirectory() as folder:
            check(pathlib.Path(build), model, pathlib.Path(folder))


main(*sys.argv[1:])
