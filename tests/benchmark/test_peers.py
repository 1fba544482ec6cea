"""Every peer that is installed must gain over the noisy input on a small image, by its own process."""

from importlib.metadata import metadata

import numpy as np
import pytest
from benchmark_data import smooth
from scipy.ndimage import gaussian_filter

from napari_blindspot import denoise
from napari_blindspot.benchmark import peers
from napari_blindspot.benchmark.ablation import STUDIES, study_groups, study_variants
from napari_blindspot.benchmark.contest import choose_variants
from napari_blindspot.benchmark.method_protocol import Request
from napari_blindspot.benchmark.methods import available_methods, choose_methods, find_peers
from napari_blindspot.benchmark.metrics import score
from napari_blindspot.benchmark.peers.shared import learning
from napari_blindspot.core.errors import FileError, SettingsError
from napari_blindspot.noise.estimate import estimate_noise
from napari_blindspot.settings import PRESETS

CLASSICAL = {"gaussian-oracle", "nlm", "tv", "wavelet", "bm3d", "bm3d-vst", "bm3d-vst-psd"}
LEARNING = {"n2v": 100, "dip": 250, "self2self": 300, "mash": 250, "zsn2n": 100}


def poisson_gaussian(truth, seed=3):
    draw = np.random.default_rng(seed)
    return (4.0 * draw.poisson(truth / 4.0) + draw.normal(0.0, 8.0, truth.shape)).astype(np.float32)


def gain(name, truth, noisy, **request):
    method = available_methods()[name]
    missing = method.missing()
    if missing:
        pytest.skip(f"{missing[0]} is not installed")
    denoiser = method.build(
        Request(name, device="cpu", truth=truth if method.sees_truth else None, **request)
    )
    estimate = denoiser(noisy)
    assert estimate.shape == noisy.shape
    return score(estimate, truth).psnr - score(noisy, truth).psnr


def test_the_names_are_those_that_scripts_rely_on():
    expected = (
        "noisy gaussian-oracle nlm tv wavelet bm3d bm3d-vst bm3d-vst-psd ffdnet-vst noise2vst "
        "n2v dip self2self mash zsn2n"
    ).split()
    assert [method.name for method in find_peers()] == expected
    assert list(available_methods()) == [*expected, *PRESETS, "auto-random"]
    with pytest.raises(SettingsError, match="no method 'x'"):
        choose_methods(["noisy", "x"])


def test_a_peer_takes_part_as_soon_as_its_module_is_there(tmp_path, monkeypatch):
    (tmp_path / "median.py").write_text(
        "from napari_blindspot.benchmark.method_protocol import Method\n"
        "METHODS = (Method('median', f'{__name__}:median', place=15),)\n"
        "def median(request):\n"
        "    from scipy.ndimage import median_filter\n"
        "    return lambda image: median_filter(image, 3)\n"
    )
    monkeypatch.setattr(peers, "__path__", [*peers.__path__, str(tmp_path)])
    find_peers.cache_clear()
    try:
        names = list(available_methods())
        assert names[names.index("wavelet") + 1] == "median"
        truth = smooth((64, 64)).astype(np.float32)
        assert gain("median", truth, poisson_gaussian(truth)) > 3.0
    finally:
        find_peers.cache_clear()


def test_the_extra_that_installs_a_peer_is_one_of_the_package():
    extras = metadata("napari-blindspot").get_all("Provides-Extra")
    assert {method.extra for method in find_peers()} <= set(extras)


@pytest.mark.parametrize("name", sorted(CLASSICAL))
def test_filters_gain_over_the_noisy_image(name):
    truth = smooth((128, 128)).astype(np.float32)
    assert gain(name, truth, poisson_gaussian(truth)) > 3.0


def test_a_peer_with_weights_of_others_is_left_out_until_they_are_given(tmp_path):
    variants, skipped = choose_variants(["noisy", "ffdnet-vst"], {})
    assert [variant.name for variant in variants] == ["noisy"]
    assert len(skipped) == 1
    assert "give the file of its authors as --ffdnet-weights" in skipped[0]
    (variant,), _ = choose_variants(["ffdnet-vst"], {}, {"ffdnet": tmp_path / "w.mat"})
    assert variant.overrides == {"weights": str(tmp_path / "w.mat")}


@pytest.mark.parametrize("content", [None, b"no HDF5"])
def test_weights_that_are_none_are_refused_in_one_sentence(tmp_path, content):
    path = tmp_path / "w.mat"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(
        FileError, match=r"There is no file .*FFDNet_gray\.mat|does not hold FFDNet's weights"
    ):
        available_methods()["ffdnet-vst"].build(Request("ffdnet-vst", overrides={"weights": str(path)}))


@pytest.mark.parametrize(("name", "iterations"), [("ffdnet-vst", None), ("noise2vst", 60)])
def test_a_network_of_photographs_gains_between_a_transform_and_its_inverse(shared_data, name, iterations):
    weights = shared_data.parent / "peers" / "ffdnet_gray.mat"
    truth = smooth((96, 96)).astype(np.float32)
    overrides = {"weights": str(weights)}
    assert gain(name, truth, poisson_gaussian(truth), overrides=overrides, iterations=iterations) > 4.0


def test_ffdnet_denoises_every_second_row_and_column_by_itself_where_noise_is_correlated(shared_data):
    weights = {"weights": str(shared_data.parent / "peers" / "ffdnet_gray.mat")}
    truth = smooth((129, 128)).astype(np.float32)
    noise = gaussian_filter(np.random.default_rng(0).normal(0, 60, truth.shape), 0.8)
    denoiser = available_methods()["ffdnet-vst"].build(Request("ffdnet-vst", overrides=weights))
    noisy = (truth + noise).astype(np.float32)
    assert estimate_noise(noisy).is_correlated
    assert score(denoiser(noisy), truth).si_psnr > score(noisy, truth).si_psnr + 4.0


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.endurance) if name == "mash" else name
        for name in sorted(LEARNING)
    ],
)
def test_learning_peers_gain_over_the_noisy_image(name, monkeypatch):
    # A quarter of their filters, so that enough iterations are quick.
    monkeypatch.setattr(learning, "UNET_WIDTH", 12)
    side = 64 if name == "n2v" else 48
    truth = smooth((side, side)).astype(np.float32)
    assert gain(name, truth, poisson_gaussian(truth), iterations=LEARNING[name]) > 1.0


@pytest.mark.slow
@pytest.mark.parametrize("name", [*(name for name in PRESETS if name != "paper"), "auto-random"])
def test_ours_gain_over_the_noisy_image(name):
    truth = smooth((48, 48)).astype(np.float32)
    request = {"iterations": 30, "overrides": {"refine_iterations": ()}}
    assert gain(name, truth, poisson_gaussian(truth), **request) > 1.0


@pytest.mark.slow
@pytest.mark.endurance
def test_so_does_the_paper_which_learns_from_a_tenth_of_the_pixels_at_a_time():
    truth = smooth((64, 64)).astype(np.float32)
    assert gain("paper", truth, poisson_gaussian(truth), iterations=300) > 1.0


def test_the_paper_gives_the_pixels_of_the_python_function():
    noisy = poisson_gaussian(smooth((32, 32)).astype(np.float32))
    overrides = {"passes": 4, "unet_width": 8}
    request = Request("paper", device="cpu", iterations=6, overrides=overrides)
    estimate = available_methods()["paper"].build(request)(noisy)
    expected = denoise(noisy, "paper", device="cpu", iterations=6, **overrides).denoised
    assert np.array_equal(estimate, expected)


def test_only_the_oracle_is_given_the_truth():
    assert [name for name, method in available_methods().items() if method.sees_truth] == [
        "gaussian-oracle"
    ]


def test_the_spectrum_helps_where_neighbours_share_their_noise():
    from scipy.ndimage import gaussian_filter

    truth = smooth((256, 256)).astype(np.float32)
    grain = gaussian_filter(np.random.default_rng(0).normal(size=truth.shape), 0.72)
    noisy = (truth + 12.0 * grain / grain.std()).astype(np.float32)
    assert gain("bm3d-vst-psd", truth, noisy) > gain("bm3d-vst", truth, noisy) + 2.0


def test_an_autocovariance_becomes_the_spectrum_of_its_noise():
    from napari_blindspot.benchmark.peers.shared.spectrum import autocovariance_to_psd

    white = np.zeros((5, 5))
    white[2, 2] = 4.0
    np.testing.assert_allclose(autocovariance_to_psd(white, (8, 10)), 4.0 * 80)
    pair = white.copy()
    pair[2, 1] = pair[2, 3] = 2.0
    psd = autocovariance_to_psd(pair, (8, 10))
    assert psd.mean() == pytest.approx(4.0 * 80)
    assert psd[0, 0] == pytest.approx(8.0 * 80)
    assert psd[0, 5] == pytest.approx(0.0, abs=1e-9)


def test_mash_shuffles_only_within_flat_tiles():
    import torch

    from napari_blindspot.benchmark.peers.mash import shuffle_tiles
    from napari_blindspot.benchmark.peers.shared.learning import PeerImage

    image = np.arange(16 * 18, dtype=np.float32).reshape(16, 18)
    peer = PeerImage(image, Request("mash", device="cpu"))
    guide = torch.zeros_like(peer.noisy)
    guide[..., :8, :] = peer.uniform(1, 1, 8, 18)
    shuffled = shuffle_tiles(peer.noisy, guide, peer)[0, 0].numpy()
    before = peer.noisy[0, 0].numpy()
    np.testing.assert_array_equal(shuffled[:8], before[:8])
    np.testing.assert_array_equal(shuffled[:, 16:], before[:, 16:])
    tile, was = shuffled[8:12, :4], before[8:12, :4]
    assert (tile != was).any()
    np.testing.assert_array_equal(np.sort(tile, axis=None), np.sort(was, axis=None))


def test_zsn2n_halves_are_the_two_diagonals():
    import torch

    from napari_blindspot.benchmark.peers.zsn2n import downsample_pair

    image = torch.tensor([[1.0, 2.0], [3.0, 4.0]])[None, None]
    one, other = downsample_pair(image)
    assert (float(one), float(other)) == (2.5, 2.5)
    one, other = downsample_pair(torch.tensor([[1.0, 0.0], [0.0, 5.0]])[None, None])
    assert (float(one), float(other)) == (0.0, 3.0)


def test_the_ablation_has_the_papers_variants_once_each():
    variants, skipped = study_variants("paper", None, None)
    names = [variant.name for variant in variants]
    assert names[0] == "paper" and len(names) == len(set(names)) and not skipped
    assert {"p0=0.5", "p0=0.05", "L_dn", "L_dn+L_mc", "dilation=0", "iterations=600"} <= set(names)
    assert "p0=0.1" not in names and "dilation=1" not in names
    assert len(study_groups("paper", None, None)) == len(STUDIES)
    with pytest.raises(SettingsError, match="no study 'x'"):
        study_variants("paper", ["x"], None)


def test_variants_that_a_preset_cannot_have_are_named():
    measured = [preset for preset in PRESETS if preset != "paper"]
    for preset in measured:
        _, skipped = study_variants(preset, ["losses"], None)
        assert len(skipped) == 1 and skipped[0].startswith("L_dn is skipped: ")
