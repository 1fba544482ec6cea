"""Denoise a z-stack plane by plane, and say what each plane has seen of its neighbours."""

from napari_blindspot import Finished, Settings, fit_stack, samples

sample = samples.z_stack((3, 48, 48))
for event in fit_stack(sample.noisy, Settings.from_preset("fast"), axes="ZYX"):
    if isinstance(event, Finished):
        result = event.result
        seen = f"{result.neighbours} neighbours"
        print(f"plane {event.plane}: {result.origin}, {seen}, {result.seconds:.1f} s")
