"""Watch a fit, stop it early, and keep the best result so far."""

from napari_blindspot import Control, Step, denoise, samples

control = Control()


def watch(event):
    """Print the losses, and stop after the 20th iteration."""
    if isinstance(event, Step) and event.iteration >= 20:
        control.stop()


result = denoise(samples.confocal((64, 64)).noisy, "fast", on_event=watch, control=control)
print(f"{result.iterations} of {result.planned_iterations} iterations, stopped: {result.stopped}")
