# gst-ddpm: labels that a Python program gives to images, in their caps
# SPDX-License-Identifier: LGPL-2.1-or-later
import json
import os
import struct
import sys
import tempfile
import unittest

try:
    import gi
    gi.require_version('Gst', '1.0')
    gi.require_version('GstApp', '1.0')
    from gi.repository import Gst, GstApp  # noqa: F401
except (ImportError, ValueError):
    sys.exit(77)    # meson: skipped

TRAINER = ('ddpmtrainsink name=train channels=64 channel-mult=1'
           ' attention-levels=0 res-blocks=1 batch-size=4 warmup-steps=0'
           ' backend=reference classes=4 label-dropout=0')


def image(n, label):
    caps = Gst.Caps.from_string('video/x-raw,format=RGB,width=8,height=8,'
                                f'framerate=0/1,label=(int){label}')
    pixels = bytes((37 * n + 11 * i) % 251 for i in range(8 * 8 * 3))
    return Gst.Sample.new(Gst.Buffer.new_wrapped(pixels), caps, None, None)


def trained_labels(location):
    with open(location, 'rb') as file:
        size = struct.unpack('<Q', file.read(8))[0]
        tensor = json.loads(file.read(size))['label_embedding.weight']
        start, end = tensor['data_offsets']
        file.seek(8 + size + start)
        data = file.read(end - start)
    rows = len(data) // tensor['shape'][0]
    return [n for n in range(tensor['shape'][0])
            if any(data[n * rows:(n + 1) * rows])]


class LabelsFromPython(unittest.TestCase):
    def train(self, samples, between=''):
        with tempfile.TemporaryDirectory() as folder:
            location = os.path.join(folder, 'a.bin')
            pipeline = Gst.parse_launch(
                f'appsrc name=source format=time ! {between} {TRAINER} '
                f'location={location}')
            source = pipeline.get_by_name('source')
            pipeline.set_state(Gst.State.PLAYING)
            for sample in samples:
                source.push_sample(sample)
            source.end_of_stream()
            types = (Gst.MessageType.EOS | Gst.MessageType.ERROR
                     | Gst.MessageType.WARNING)
            message = pipeline.get_bus().timed_pop_filtered(
                Gst.CLOCK_TIME_NONE, types)
            pipeline.set_state(Gst.State.NULL)
            if message.type == Gst.MessageType.EOS:
                return trained_labels(location)
            if message.type == Gst.MessageType.ERROR:
                raise message.parse_error()[0]
            raise message.parse_warning()[0]

    def test_labels_in_caps_are_trained(self):
        samples = [image(n, 2 * (n % 2)) for n in range(8)]
        self.assertEqual(self.train(samples), [0, 2])

    def test_labels_pass_converters(self):
        samples = [image(n, 1 + 2 * (n % 2)) for n in range(8)]
        between = ('queue ! videoconvert ! videoscale !'
                   ' video/x-raw,width=4,height=4 ! gdppay ! gdpdepay !')
        self.assertEqual(self.train(samples, between), [1, 3])

    def test_a_label_that_is_no_class_is_an_error(self):
        with self.assertRaisesRegex(Exception, 'label 4:'):
            self.train([image(0, 4)])


if __name__ == '__main__':
    Gst.init(None)
    unittest.main()
