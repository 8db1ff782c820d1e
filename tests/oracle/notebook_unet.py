# SPDX-License-Identifier: LGPL-2.1-or-later
"""The UNet of the notebook in PyTorch: the same parameters under the same names,
the same mathematics. Widths, T and the number of image channels are free, and
there may be an embedding of labels, which the notebook has not: added to that of the
timestep (Dhariwal & Nichol 2021); label -1 adds nothing."""
import math

import torch
import torch.nn.functional as F
from torch import nn


def conv(cin, cout, kernel, stride=1):
    return nn.Conv2d(cin, cout, kernel, stride, padding=kernel // 2)


def norm(channels):
    return nn.GroupNorm(32, channels)


class Dropout(nn.Module):
    """`mask`, where set, gives the factors of an NCHW activation."""

    def __init__(self):
        super().__init__()
        self.mask = None

    def forward(self, x):
        return x if self.mask is None else x * self.mask(x.shape)


class TimeEmbedding(nn.Module):
    """A frozen table of sin, cos pairs, then a perceptron."""

    def __init__(self, timesteps, ch):
        super().__init__()
        frequency = torch.exp(-torch.arange(0, ch, 2) / ch * math.log(10000))
        angle = torch.arange(timesteps).float()[:, None] * frequency
        table = torch.stack([angle.sin(), angle.cos()], 2).flatten(1)
        self.timembedding = nn.Sequential(
            nn.Embedding.from_pretrained(table),
            nn.Linear(ch, 4 * ch), nn.SiLU(), nn.Linear(4 * ch, 4 * ch))

    def forward(self, t):
        return self.timembedding(t)


class Attention(nn.Module):
    """One head over all pixels."""

    def __init__(self, ch):
        super().__init__()
        self.group_norm = norm(ch)
        for name in ('proj_q', 'proj_k', 'proj_v', 'proj'):
            setattr(self, name, conv(ch, ch, 1))

    def forward(self, x):
        h = self.group_norm(x)
        q, k, v = (p(h).flatten(2) for p in (self.proj_q, self.proj_k, self.proj_v))
        weight = torch.softmax(q.transpose(1, 2) @ k / math.sqrt(x.shape[1]), dim=2)
        return x + self.proj((v @ weight.transpose(1, 2)).view_as(x))


class ResBlock(nn.Module):
    def __init__(self, cin, cout, tdim, attention):
        super().__init__()
        self.block1 = nn.Sequential(norm(cin), nn.SiLU(), conv(cin, cout, 3))
        self.temb_proj = nn.Sequential(nn.SiLU(), nn.Linear(tdim, cout))
        self.block2 = nn.Sequential(norm(cout), nn.SiLU(), Dropout(), conv(cout, cout, 3))
        self.shortcut = conv(cin, cout, 1) if cin != cout else nn.Identity()
        self.attn = Attention(cout) if attention else nn.Identity()

    def forward(self, x, temb):
        h = self.block1(x) + self.temb_proj(temb)[:, :, None, None]
        return self.attn(self.block2(h) + self.shortcut(x))


class Resample(nn.Module):
    """Down: a convolution of stride 2. Up: nearest neighbours, then a convolution."""

    def __init__(self, ch, up):
        super().__init__()
        self.up = up
        self.main = conv(ch, ch, 3, 1 if up else 2)

    def forward(self, x, temb):
        return self.main(F.interpolate(x, scale_factor=2.0) if self.up else x)


class UNet(nn.Module):
    def __init__(self, T, ch, ch_mult, attn, num_res_blocks, image_channels=3, classes=0):
        super().__init__()
        tdim, widths = 4 * ch, [ch * m for m in ch_mult]
        last = len(widths) - 1
        self.time_embedding = TimeEmbedding(T, ch)
        self.head = conv(image_channels, ch, 3)
        self.downblocks, self.upblocks = nn.ModuleList(), nn.ModuleList()
        now, skips = ch, [ch]
        for level, width in enumerate(widths):
            for _ in range(num_res_blocks):
                self.downblocks.append(ResBlock(now, width, tdim, level in attn))
                now = width
                skips.append(now)
            if level < last:
                self.downblocks.append(Resample(now, up=False))
                skips.append(now)
        self.middleblocks = nn.ModuleList(
            ResBlock(now, now, tdim, attention) for attention in (True, False))
        for level in range(last, -1, -1):
            for _ in range(num_res_blocks + 1):
                self.upblocks.append(
                    ResBlock(now + skips.pop(), widths[level], tdim, level in attn))
                now = widths[level]
            if level > 0:
                self.upblocks.append(Resample(now, up=True))
        self.tail = nn.Sequential(norm(now), nn.SiLU(), conv(now, image_channels, 3))
        if classes > 0:
            self.label_embedding = nn.Embedding(classes, tdim)

    def dropouts(self):
        """In order of execution."""
        blocks = [*self.downblocks, *self.middleblocks, *self.upblocks]
        return [b.block2[2] for b in blocks if isinstance(b, ResBlock)]

    def forward(self, x, t, labels=None):
        temb = self.time_embedding(t)
        if labels is not None:
            known = (labels >= 0).to(temb.dtype)[:, None]
            temb = temb + known * self.label_embedding(labels.clamp(min=0))
        h = self.head(x)
        skips = [h]
        for block in self.downblocks:
            h = block(h, temb)
            skips.append(h)
        for block in self.middleblocks:
            h = block(h, temb)
        for block in self.upblocks:
            if isinstance(block, ResBlock):
                h = torch.cat([h, skips.pop()], 1)
            h = block(h, temb)
        return self.tail(h)
