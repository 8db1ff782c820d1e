#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The pipelines inside a Python program of one's own: images come out as numpy arrays, and
arrays with labels go in to train a network. Needs python3-gi and python3-numpy.

    pipelines/embed.py play --images 8 --labels ship,frog --output images
    pipelines/embed.py train shapes.bin --images 16000
    pipelines/embed.py play --model shapes.bin --labels disc,square --output images"""
import argparse
import pathlib
import sys

import gi
import numpy as np

gi.require_version('Gst', '1.0')
gi.require_version('GstApp', '1.0')
from gi.repository import GLib, Gst, GstApp  # noqa: E402,F401

SHAPES = ('disc', 'square')
SIZE = 16


class PipelineError(Exception):
    """What an element reported on the bus"""


class Pipeline:
    """A pipeline that plays inside a with statement"""

    def __init__(self, description):
        self.bin = Gst.parse_launch(description)
        self.bus = self.bin.get_bus()

    def __enter__(self):
        self.bin.set_state(Gst.State.PLAYING)
        return self

    def __exit__(self, *_):
        self.bin.set_state(Gst.State.NULL)

    def __getitem__(self, name):
        return self.bin.get_by_name(name)

    def check(self):
        """Raises the error that an element has reported, if one has"""
        message = self.bus.pop_filtered(Gst.MessageType.ERROR)
        if message:
            raise PipelineError(message.parse_error()[0].message)

    def wait(self):
        """Until the end of the stream"""
        message = self.bus.timed_pop_filtered(
            Gst.CLOCK_TIME_NONE, Gst.MessageType.EOS | Gst.MessageType.ERROR)
        if message.type == Gst.MessageType.ERROR:
            raise PipelineError(message.parse_error()[0].message)


def to_array(sample):
    """[height][width][3] bytes. RGBx, because its rows are not padded."""
    caps = sample.get_caps().get_structure(0)
    shape = caps.get_value('height'), caps.get_value('width'), 4
    ok, info = sample.get_buffer().map(Gst.MapFlags.READ)
    if not ok:
        raise PipelineError('an image cannot be mapped')
    try:
        return np.frombuffer(info.data, np.uint8).reshape(shape)[:, :, :3].copy()
    finally:
        sample.get_buffer().unmap(info)


def images_of(pipeline):
    """Each image that arrives at the appsink"""
    sink = pipeline['sink']
    while not sink.is_eos():
        # an error would leave a plain pull waiting for ever
        sample = sink.try_pull_sample(100 * Gst.MSECOND)
        if sample:
            yield to_array(sample)
        else:
            pipeline.check()
    pipeline.check()


def play(o):
    """The label changes while the pipeline plays: from the next image that begins to be
    computed."""
    labels = o.labels.split(',')
    each = max(1, o.images // len(labels))
    pipeline = Pipeline(f'ddpmnoise num-buffers={o.images} ! ddpmdenoise name=denoise ! '
                        'videoconvert ! video/x-raw,format=RGBx ! '
                        'appsink name=sink sync=false max-buffers=1')
    denoise = pipeline['denoise']
    denoise.set_property('model', o.model)
    denoise.set_property('label', labels[0])
    with pipeline:
        for number, image in enumerate(images_of(pipeline)):
            print(f'image {number}: {image.shape[1]}x{image.shape[0]}, mean {image.mean():.1f}')
            if o.output:
                write_ppm(o.output / f'image-{number:03}.ppm', image)
            if (number + 1) % each == 0 and (number + 1) // each < len(labels):
                denoise.set_property('label', labels[(number + 1) // each])


def write_ppm(path, image):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b'P6 %d %d 255\n' % (image.shape[1], image.shape[0]) + image.tobytes())


def draw(random, shape):
    """A disc or a square somewhere, of some colour: [SIZE][SIZE][3] bytes"""
    y, x = np.mgrid[:SIZE, :SIZE] - random.uniform(0.3, 0.7, 2)[:, None, None] * SIZE
    inside = x * x + y * y < 20 if shape == 'disc' else np.maximum(abs(x), abs(y)) < 4
    return np.where(inside[..., None], random.integers(128, 256, 3), 16).astype(np.uint8)


def to_sample(image, label):
    """An array [height][width][3] of bytes, and its label in the caps"""
    height, width, _ = image.shape
    caps = Gst.Caps.from_string(f'video/x-raw,format=RGB,width={width},height={height},'
                                f'framerate=0/1,label=(int){label}')
    rows = np.pad(image.reshape(height, -1), ((0, 0), (0, -3 * width % 4)))
    return Gst.Sample.new(Gst.Buffer.new_wrapped(rows.tobytes()), caps, None, None)


def draw_all(count):
    random = np.random.default_rng(0)
    for number in range(count):
        label = number % len(SHAPES)
        yield to_sample(draw(random, SHAPES[label]), label)


def feed(source, _, samples):
    """appsrc asks for data whenever the trainer has taken some."""
    sample = next(samples, None)
    if sample:
        source.push_sample(sample)
    else:
        source.end_of_stream()


def train(o):
    pipeline = Pipeline('appsrc name=source format=time ! ddpmtrainsink name=train '
                        f'class-names={",".join(SHAPES)} channels=32 channel-mult=1,2 '
                        'res-blocks=1 attention-levels=1 batch-size=16 learning-rate=1e-3')
    pipeline['train'].set_property('location', str(o.location))
    pipeline['source'].connect('need-data', feed, draw_all(o.images))
    with pipeline:
        pipeline.wait()
    print(f'trained with {o.images} images: {o.location}')


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest='command', required=True)
    player = commands.add_parser('play', help='make images')
    player.add_argument('--model', default='', help='checkpoint (the built-in model)')
    player.add_argument('--images', type=int, default=8)
    player.add_argument('--labels', default='', help='classes, one after the other')
    player.add_argument('--output', type=pathlib.Path, help='write PPM files into this folder')
    player.set_defaults(run=play)
    trainer = commands.add_parser('train', help='train on discs and squares')
    trainer.add_argument('location', type=pathlib.Path, help='checkpoint to write')
    trainer.add_argument('--images', type=int, default=16000)
    trainer.set_defaults(run=train)
    o = parser.parse_args()
    if o.images < 1:
        parser.error('--images: expected 1 or more')
    return o


def main():
    Gst.init(None)
    o = parse_arguments()
    try:
        o.run(o)
    except (PipelineError, GLib.Error) as error:
        sys.exit(getattr(error, 'message', str(error)))


if __name__ == '__main__':
    main()
