# gst-ddpm: the library, called from Python
# SPDX-License-Identifier: LGPL-2.1-or-later
import unittest

import gi
gi.require_version('Ddpm', '1.0')
from gi.repository import Ddpm, GLib  # noqa: E402


def new_denoiser(model, batch, steps=2, **settings):
    backend = Ddpm.Backend.new(Ddpm.BackendKind.CPU, Ddpm.Precision.F32, 2)
    spec = Ddpm.SamplerSpec()
    spec.init(model.config)
    spec.steps = steps
    for name, value in settings.items():
        setattr(spec, name, value)
    return Ddpm.Denoiser.new(model, backend, batch, model.width, model.height,
                             spec)


def sample(denoiser, seed=7, first=0, labels=None):
    denoiser.begin_with_noise(labels, seed, first)
    while denoiser.step():
        pass
    return denoiser.read_pixels().get_data()


class Introspection(unittest.TestCase):
    def test_image_is_no_noise(self):
        model = Ddpm.checkpoint_load('tiles')
        size = model.width * model.height * model.config.image_channels
        pixels = sample(new_denoiser(model, 1, steps=5))
        self.assertEqual(len(pixels), size)
        neighbours = zip(pixels, pixels[model.config.image_channels:])
        distance = sum(abs(a - b) for a, b in neighbours) / size
        self.assertGreater(len(set(pixels)), 50)
        # two independent pixels of noise are 85 apart on average
        self.assertLess(distance, 30)

    def test_sample_does_not_depend_on_batch(self):
        model = Ddpm.checkpoint_load('tiles')
        both = sample(new_denoiser(model, 2))
        second = sample(new_denoiser(model, 1), first=1)
        self.assertEqual(both[len(second):], second)
        self.assertNotEqual(both[:len(second)], second)

    def test_labels_guide(self):
        model = Ddpm.checkpoint_load('cifar10')
        self.assertEqual(model.class_names[8], 'ship')
        denoiser = new_denoiser(model, 1)
        ship = sample(denoiser, labels=Ddpm.Labels.new(model, 'ship'))
        frog = sample(denoiser, labels=Ddpm.Labels.new(model, 'frog'))
        self.assertNotEqual(ship, frog)
        self.assertEqual(ship, sample(denoiser,
                                      labels=Ddpm.Labels.new(model, '8')))

    def test_steps_are_counted(self):
        denoiser = new_denoiser(Ddpm.checkpoint_load('tiles'), 1, steps=3)
        denoiser.begin_with_noise(None, 0, 0)
        states = [denoiser.get_state()]
        while denoiser.step():
            states.append(denoiser.get_state())
        self.assertEqual(len(states), denoiser.get_n_steps() + 1)
        self.assertEqual((states[0], states[-1]), (1000, 0))

    def test_objects_outlive_what_they_were_made_of(self):
        denoiser = new_denoiser(Ddpm.checkpoint_load('tiles'), 1)
        self.assertEqual(sample(denoiser), sample(denoiser))

    def test_errors_are_exceptions(self):
        with self.assertRaises(GLib.Error) as raised:
            Ddpm.checkpoint_load('/nonexistent')
        error = raised.exception
        self.assertTrue(error.matches(Ddpm.error_quark(),
                                      Ddpm.Error.NOT_FOUND))
        self.assertIn('/nonexistent', error.message)
        with self.assertRaisesRegex(GLib.Error, 'steps'):
            new_denoiser(Ddpm.checkpoint_load('tiles'), 1, steps=1001)


if __name__ == '__main__':
    unittest.main()
