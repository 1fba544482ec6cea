"""Denoise a z-stack plane by plane, and say what each plane has seen of its neighbours."""

from napari_blindspot import Finished, Settings, fit_stack, samples

sample = samples.z_stack((4, 48, 48))
for event in fit_stack(sample.noisy, Settings.from_preset("fast"), axes="ZYX"):
    if isinstance(event, Finished):
        result = event.result
        print(f"plane {event.plane}: {result.origin}, {result.neighbours} neighbours, {result.seconds:.1f} s")
