#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes networks as diffusers saves them, and what diffusers computes with them.

    make_diffusers_models.py                      the small ones of ../data/diffusers
    make_diffusers_models.py --out DIR            these and larger ones (25 MB)
    make_diffusers_models.py --out DIR --large    also google's sizes (600 MB)

It needs torch, diffusers (0.42) and safetensors. For each network NAME of the tables
below there are DIR/NAME, a folder that DDPMPipeline.save_pretrained () wrote (the
weights in half precision for the small ones), and DIR/NAME.safetensors, the dump. Some
are saved in another way, which their entry `form` says:
  bin    the weights are a pickle, diffusion_pytorch_model.bin
  unet   the folder is that of the UNet alone, with scheduler_config.json in it
  alone  the same, without a scheduler

Every parameter is random: those that diffusers begins with zeros or ones, too. The
weights of the last layer make the output about as large as noise.

A dump has, computed in double and as the library lays images out, [n][height][width]
[channels]:
  x_t, t [n], labels [n] (of a network with classes), out: one forward pass
  x_T, and x_0 of whole runs with the library's noise, of N samples from index FIRST of
  seed SEED, with class n mod classes for sample n:
  ddpm   DDPMScheduler, all T timesteps
  ddim   DDIMScheduler, eta 0, DDIM_STEPS steps (it has no sigmoid schedule)
  eta1   the same with eta 1 and the eps of the clipped x_0 (use_clipped_model_output)
The z of a step is that of the stream of its timestep, as in all of our samplers."""
import argparse
import math
import pathlib
import shutil
from unittest import mock

import diffusers
import torch
from diffusers import DDIMScheduler, DDPMPipeline, DDPMScheduler, UNet2DModel

import oracle
import philox

SEED, FIRST, N = 11, 3, 2
DDIM_STEPS = 5

# google/ddpm-*
GOOGLE = dict(downsample_padding=0, norm_eps=1e-6, attention_head_dim=None, freq_shift=1,
              flip_sin_to_cos=False)
GOOGLE_SCHEDULE = dict(variance_type='fixed_large', clip_sample=True)


def blocks(attention_down, attention_up=None):
    """Block types: a string such as '.A.' for each way, from its first level on"""
    attention_up = attention_down[::-1] if attention_up is None else attention_up
    return dict(
        down_block_types=['AttnDownBlock2D' if c == 'A' else 'DownBlock2D'
                          for c in attention_down],
        up_block_types=['AttnUpBlock2D' if c == 'A' else 'UpBlock2D' for c in attention_up])


# name -> arguments of UNet2DModel, arguments of DDPMScheduler, form
SMALL = {
    'tiny-google': (
        GOOGLE | blocks('.A.') | dict(
            sample_size=8, block_out_channels=[4, 6, 8], layers_per_block=1,
            norm_num_groups=2),
        GOOGLE_SCHEDULE | dict(num_train_timesteps=20, beta_end=0.3), ''),
    'tiny-trained': (
        blocks('.A') | dict(
            sample_size=8, layers_per_block=1, block_out_channels=[4, 8], norm_num_groups=4,
            attention_head_dim=4),
        dict(num_train_timesteps=20, beta_schedule='squaredcos_cap_v2',
             prediction_type='v_prediction'), 'bin'),
    'tiny-guided': (
        blocks('.A') | dict(
            sample_size=[8, 4], out_channels=6, block_out_channels=[8, 4],
            layers_per_block=1, norm_num_groups=4, attention_head_dim=4,
            resnet_time_scale_shift='scale_shift', num_class_embeds=3),
        dict(num_train_timesteps=20, beta_end=0.3, variance_type='learned_range'), 'unet'),
    'tiny-odd': (
        blocks('A.', '.A') | dict(
            sample_size=8, in_channels=4, out_channels=4, block_out_channels=[4, 6],
            layers_per_block=1, norm_num_groups=2, attention_head_dim=2,
            add_attention=False, mid_block_scale_factor=math.sqrt(2),
            center_input_sample=True, norm_eps=1e-4),
        dict(num_train_timesteps=20, beta_schedule='scaled_linear', beta_end=0.3,
             prediction_type='sample', clip_sample=False), ''),
}
MEDIUM = {
    'google': (
        GOOGLE | blocks('.A..') | dict(
            sample_size=32, block_out_channels=[32, 64, 64, 64], layers_per_block=2),
        GOOGLE_SCHEDULE, ''),
    'google-bin': (
        GOOGLE | blocks('.A..') | dict(
            sample_size=16, block_out_channels=[32, 64, 64, 64], layers_per_block=1),
        GOOGLE_SCHEDULE, 'bin'),
    'trained': (
        blocks('....A.') | dict(
            sample_size=32, block_out_channels=[32, 32, 64, 64, 96, 96],
            layers_per_block=2),
        dict(beta_schedule='squaredcos_cap_v2'), ''),
    'trained-default-heads': (
        blocks('.AA') | dict(sample_size=16, block_out_channels=[32, 64, 96]), {}, 'alone'),
    'uneven-24-40-48': (
        blocks('A.A', '.AA') | dict(
            sample_size=16, block_out_channels=[24, 40, 48], layers_per_block=3,
            norm_num_groups=8),
        dict(beta_schedule='sigmoid'), 'unet'),
    'no-middle-attention': (
        blocks('.A') | dict(
            sample_size=16, block_out_channels=[16, 48], norm_num_groups=16,
            add_attention=False),
        dict(timestep_spacing='trailing', rescale_betas_zero_snr=True,
             prediction_type='v_prediction'), ''),
    'no-middle': (
        blocks('A.') | dict(
            sample_size=16, block_out_channels=[16, 32], norm_num_groups=4,
            mid_block_type=None),
        dict(timestep_spacing='linspace'), ''),
    'middle-scale': (
        blocks('.A') | dict(
            sample_size=16, block_out_channels=[16, 32], norm_num_groups=4,
            mid_block_scale_factor=math.sqrt(2)),
        dict(clip_sample_range=1.5), ''),
    'scale-shift-6': (
        blocks('.A') | dict(
            sample_size=16, out_channels=6, block_out_channels=[32, 64],
            resnet_time_scale_shift='scale_shift', attention_head_dim=16),
        dict(variance_type='learned_range'), ''),
    'scale-shift-middle-norm': (
        blocks('A.') | dict(
            sample_size=16, block_out_channels=[32, 64], attn_norm_num_groups=32,
            resnet_time_scale_shift='scale_shift', attention_head_dim=32),
        dict(variance_type='fixed_small_log'), ''),
    'center-1': (
        blocks('.A') | dict(
            sample_size=28, in_channels=1, out_channels=1,
            block_out_channels=[32, 32], center_input_sample=True),
        dict(beta_start=0.001, beta_end=0.03, steps_offset=1), ''),
    'classes-4': (
        blocks('..') | dict(
            sample_size=[16, 8], in_channels=4, out_channels=4, num_class_embeds=10,
            block_out_channels=[20, 30], norm_num_groups=5, time_embedding_dim=48,
            attention_head_dim=10),
        dict(prediction_type='sample'), ''),
    'two-channels': (
        blocks('.A') | dict(
            sample_size=16, in_channels=2, out_channels=2, block_out_channels=[32, 32],
            freq_shift=1, dropout=0.1),
        dict(num_train_timesteps=400), 'bin'),
    'one-level': (
        blocks('A') | dict(sample_size=8, block_out_channels=[32], attention_head_dim=None),
        {}, ''),
}
LARGE = {
    'google-cifar10-32': (
        GOOGLE | blocks('.A..') | dict(
            sample_size=32, block_out_channels=[128, 256, 256, 256]),
        GOOGLE_SCHEDULE, ''),
    'google-256': (
        GOOGLE | blocks('....A.') | dict(
            sample_size=256, block_out_channels=[128, 128, 256, 256, 512, 512]),
        GOOGLE_SCHEDULE, ''),
}


def image_shape(net):
    size = net.config.sample_size
    height, width = (size, size) if isinstance(size, int) else size
    return (height, width, net.config.in_channels)


@torch.no_grad()
def randomize(net):
    """Weights of every layer, so large that each of them shows in the output"""
    for name, p in net.named_parameters():
        if p.dim() > 1:
            p.normal_(std=1 / math.sqrt(p[0].numel()))
        elif name.endswith('weight'):
            p.normal_(1, 0.3)
        else:
            p.normal_(std=0.2)


def draw(stream, shape):
    return oracle.nchw(philox.batch(philox.normal, SEED, FIRST, stream, N, shape))


def forward(net, T, shape):
    tensors = dict(x_t=draw(philox.EPS, shape), t=torch.tensor([T // 3, T - 1]))
    labels = None
    if net.class_embedding is not None:
        labels = tensors['labels'] = torch.tensor([2, 0])
    tensors['out'] = net(tensors['x_t'], tensors['t'], labels).sample
    return tensors


def sample(net, scheduler, steps, **keywords):
    """A loop like that of diffusers' pipelines, with noise of ours"""
    shape, classes = image_shape(net), net.config.num_class_embeds
    labels = torch.arange(FIRST, FIRST + N) % classes if classes else None
    module = diffusers.schedulers.scheduling_ddpm
    x = draw(0, shape)
    scheduler.set_timesteps(steps)
    for t in scheduler.timesteps:
        out = net(x, t, labels).sample
        if isinstance(scheduler, DDIMScheduler):
            keywords['variance_noise'] = draw(int(t), shape)
            out = out[:, :x.shape[1]]
        with mock.patch.object(module, 'randn_tensor',
                               lambda *_, **__: draw(int(t), shape)):
            x = scheduler.step(out, t, x, **keywords).prev_sample
    return x


@torch.no_grad()
def dump(net, scheduler, whole):
    net = net.double().eval()
    T = scheduler.config.num_train_timesteps
    tensors = forward(net, T, image_shape(net))
    tensors['x_T'] = draw(0, image_shape(net))
    if whole:
        tensors['ddpm'] = sample(net, scheduler, T)
    if scheduler.config.beta_schedule != 'sigmoid':
        ddim = DDIMScheduler.from_config(scheduler.config)
        tensors['ddim'] = sample(net, ddim, DDIM_STEPS, eta=0.0)
        tensors['eta1'] = sample(net, ddim, DDIM_STEPS, eta=1.0,
                                 use_clipped_model_output=True)
    return {name: oracle.nhwc(x) if x.dim() == 4 else x.numpy()
            for name, x in tensors.items()}


def write(out, name, arguments, schedule, form, half, whole):
    torch.manual_seed(1)
    net = UNet2DModel(**arguments)
    randomize(net)
    if half:
        net = net.half()
    scheduler = DDPMScheduler(**schedule)
    folder = out / name
    shutil.rmtree(folder, ignore_errors=True)
    if form in ('unet', 'alone'):
        net.save_pretrained(folder)
        if form == 'unet':
            scheduler.save_pretrained(folder)
    else:
        DDPMPipeline(net, scheduler).save_pretrained(
            folder, safe_serialization=form != 'bin')
    tensors = dump(net, scheduler, whole)
    print(f"{name}: {net.num_parameters()} weights, output {tensors['out'].std():.3f}, "
          + ', '.join(f'{run} {abs(tensors[run]).max():.3f}'
                      for run in ('ddpm', 'ddim', 'eta1') if run in tensors))
    oracle.save(out / f'{name}.safetensors', tensors)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--out', type=pathlib.Path)
    parser.add_argument('--large', action='store_true')
    parser.add_argument('names', nargs='*', help='these networks alone')
    options = parser.parse_args()
    nets = {name: (*net, options.out is None) for name, net in SMALL.items()}
    if options.out:
        nets |= {name: (*net, False) for name, net in MEDIUM.items()}
    if options.large:
        nets |= {name: (*net, False) for name, net in LARGE.items()}
    out = options.out.resolve() if options.out else oracle.DATA / 'diffusers'
    out.mkdir(parents=True, exist_ok=True)
    for name, net in nets.items():
        if not options.names or name in options.names:
            write(out, name, *net, whole=name not in LARGE)


main()
