import numpy as np

from napari_blindspot import Control, Settings, denoise
from napari_blindspot.events import Finished, Started
from napari_blindspot.stack import fit_stack, plane_indices

TINY = Settings.from_preset("paper", unet_width=6, iterations=3, passes=2, device="cpu")


def stack(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).random(shape)


def test_a_plane_by_itself_has_the_empty_index_and_a_stack_one_for_each_plane():
    assert plane_indices((20, 30)) == [()]
    assert plane_indices((2, 2, 20, 30)) == [(0, 0), (0, 1), (1, 0), (1, 1)]


def test_every_plane_gets_the_pixels_that_it_would_get_alone():
    array = stack(2, 2, 20, 24)
    results = {e.plane: e.result for e in fit_stack(array, TINY) if isinstance(e, Finished)}
    assert list(results) == plane_indices(array.shape)
    for index, result in results.items():
        assert np.array_equal(result.denoised, denoise(array[index], settings=TINY).denoised)


def test_only_the_planes_asked_for_are_read():
    class Watched:
        shape = (3, 20, 20)

        def __init__(self):
            self.read = []

        def __getitem__(self, index):
            self.read.append(index)
            return stack(20, 20)

    array = Watched()
    list(fit_stack(array, TINY, planes=[(2,)]))
    assert array.read == [(2,)]


def test_stop_keeps_the_plane_at_work_and_starts_no_other():
    control = Control()
    events = []
    for event in fit_stack(stack(4, 20, 20), TINY, control=control):
        events.append(event)
        if isinstance(event, Started) and event.plane == (1,):
            control.stop()
    finished = [event.plane for event in events if isinstance(event, Finished)]
    assert finished == [(0,), (1,)]
