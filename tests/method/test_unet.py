import pytest
import torch

from napari_blindspot.method.layers import Dropout, use_generator
from napari_blindspot.method.unet import UNet, pad_to_multiple
from napari_blindspot.settings import Settings


def unet(width: int = 48, dilation: int = 2, dropout: float = 0.0, seed: int = 0) -> UNet:
    return UNet(width, dilation, dropout, torch.Generator().manual_seed(seed))


def test_the_papers_unet_has_988609_parameters_and_with_the_inr_about_one_million():
    # Table 2 of the paper says 1.0 M; three channels instead of one would add 2,594.
    from napari_blindspot.engine.paper_fit import PaperFit

    assert sum(p.numel() for p in unet().parameters()) == 988_609
    plane = torch.zeros(16, 16)
    joint = PaperFit(plane, torch.ones_like(plane, dtype=torch.bool), Settings.from_preset("paper"))
    assert joint.parameters == 988_609 + 4_865
    assert round(joint.parameters / 1e6, 1) == 1.0


@pytest.mark.parametrize("shape", [(16, 16), (17, 33), (31, 64), (16, 200), (96, 32)])
def test_any_size_and_aspect_comes_back_in_its_own_shape(shape):
    plane = torch.rand(1, 1, *shape)
    assert unet(width=6)(plane).shape == plane.shape


def test_padding_mirrors_the_border_and_crops_back():
    plane = torch.arange(20.0 * 18).reshape(1, 1, 20, 18)
    padded, inside = pad_to_multiple(plane, 32)
    assert padded.shape == (1, 1, 32, 32)
    assert torch.equal(padded[..., inside[0], inside[1]], plane)
    top, left = inside[0].start, inside[1].start
    assert torch.equal(padded[0, 0, top - 1, inside[1]], plane[0, 0, 1])
    assert torch.equal(padded[0, 0, inside[0], left - 2], plane[0, 0, :, 2])


def test_padding_does_nothing_where_the_size_fits():
    plane = torch.rand(1, 1, 64, 32)
    assert pad_to_multiple(plane, 32)[0] is plane


def test_convolving_the_last_skip_apart_equals_convolving_the_concatenation():
    network = unet(width=6)
    layer = network.decoder[-1][0]
    features, image = torch.rand(1, 12, 32, 32), torch.rand(1, 1, 32, 32)
    apart = network._joined(layer, features, image)
    together = layer(torch.cat([features, image], dim=1))
    assert torch.allclose(apart, together, atol=1e-5)


def test_the_same_generator_seed_gives_the_same_weights_whatever_others_draw():
    torch.manual_seed(1)
    first = unet(width=6, seed=3)
    torch.manual_seed(2)
    second = unet(width=6, seed=3)
    for a, b in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(a, b)


def test_building_and_running_a_network_leaves_torchs_global_random_state_alone():
    before = torch.get_rng_state()
    network = unet(width=6, dropout=0.5)
    use_generator(network, torch.Generator().manual_seed(0))
    network(torch.rand(1, 1, 32, 32, generator=torch.Generator().manual_seed(0)))
    assert torch.equal(torch.get_rng_state(), before)


def test_dropout_drops_its_rate_and_keeps_the_mean():
    layer = Dropout(0.35)
    use_generator(layer, torch.Generator().manual_seed(0))
    out = layer(torch.ones(1_000_000))
    dropped = (out == 0).float().mean().item()
    assert abs(dropped - 0.35) < 0.0025
    assert abs(out.mean().item() - 1.0) < 0.004
    assert len(out.unique()) == 2


def test_dropout_of_zero_passes_the_tensor_through():
    x = torch.rand(5)
    assert Dropout(0.0)(x) is x


def test_bfloat16_gradients_on_a_cpu_are_finite():
    network = unet(width=48, dilation=2)
    plane = torch.rand(1, 1, 64, 64)
    for _ in range(3):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            out = network(plane)
        network.zero_grad()
        out.float().abs().mean().backward()
        assert all(p.grad.isfinite().all() for p in network.parameters())
