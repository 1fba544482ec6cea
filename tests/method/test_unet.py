import math

import pytest
import torch
import torch.nn.functional as F

from napari_blindspot.method.layers import Dropout, use_generator
from napari_blindspot.method.unet import SLOPE, UNet, merge_phases, pad_to_multiple, split_phases
from napari_blindspot.settings import Settings


def unet(
    width: int = 48, dilation: int = 2, dropout: float = 0.0, channels: int = 1, seed: int = 0
) -> UNet:
    return UNet(width, dilation, dropout, channels, torch.Generator().manual_seed(seed))


def as_written(network: UNet, plane: torch.Tensor, drop=lambda features: features) -> torch.Tensor:
    """Compute what the supplement describes, layer by layer, without any shortcut."""

    def act(x: torch.Tensor) -> torch.Tensor:
        return F.leaky_relu(x, SLOPE)

    skips = [plane]
    y = act(network.stem(plane))
    for layer in network.encoder[:-1]:
        y = drop(F.max_pool2d(act(layer(y)), 2))
        skips.append(y)
    skips.pop()
    y = act(network.encoder[-1](y))
    for block in network.decoder:
        y = F.interpolate(y, scale_factor=2, mode="nearest")
        y = drop(act(block.second(act(block.joining(torch.cat([y, skips.pop()], dim=1))))))
    return network.output(y)


def test_the_papers_unet_has_991203_parameters_and_with_the_inr_about_one_million():
    # Table 2 of the paper says 1.0 M; one channel instead of three takes 2,594 away.
    from napari_blindspot.engine.paper_fit import PaperFit

    assert sum(p.numel() for p in unet(channels=1).parameters()) == 988_609
    assert sum(p.numel() for p in unet(channels=3).parameters()) == 991_203
    plane = torch.zeros(16, 16)
    joint = PaperFit(plane, torch.ones_like(plane, dtype=torch.bool), Settings.from_preset("paper"))
    assert joint.parameters == 991_203 + 4_931
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


@pytest.mark.parametrize("dilation", [1, 2, 3, 4])
def test_the_shortcuts_of_the_unet_give_what_the_layers_as_written_give(dilation):
    # In double precision: in single, rounding alone can make gradients differ by more than is asked.
    network = unet(width=6, dilation=dilation, channels=3).double()
    plane = torch.rand(2, 3, 64, 96, dtype=torch.float64)
    short, long = network(plane), as_written(network, plane)
    assert torch.allclose(short, long, atol=1e-6)
    parameters = list(network.parameters())
    for a, b in zip(
        torch.autograd.grad(short.square().sum(), parameters),
        torch.autograd.grad(long.square().sum(), parameters),
        strict=True,
    ):
        assert torch.allclose(a, b, rtol=1e-4, atol=1e-4 * b.abs().max().item())


def test_phases_hold_every_second_pixel_and_come_back_in_place():
    plane = torch.arange(2.0 * 3 * 4 * 6).reshape(2, 3, 4, 6)
    phases = split_phases(plane, 2)
    assert phases.shape == (8, 3, 2, 3)
    assert torch.equal(phases[:4], torch.stack([plane[0, :, i::2, j::2] for i in (0, 1) for j in (0, 1)]))
    assert torch.equal(merge_phases(phases, 2), plane)


def test_weights_and_biases_start_within_one_over_the_root_of_the_fan_in():
    for layer in unet().modules():
        if isinstance(layer, torch.nn.Conv2d):
            bound = 1 / math.sqrt(9 * layer.in_channels)
            for numbers in (layer.weight, layer.bias):
                assert numbers.abs().max().item() <= bound
            # A uniform number has the standard deviation bound / √3.
            assert layer.weight.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.1)


def test_dropout_follows_each_pooling_and_each_decoder_block_and_spares_the_image():
    network = unet(width=6, dropout=0.5)
    seen = []
    network.dropout.register_forward_hook(lambda _, inputs, out: seen.append((inputs[0], out)))
    use_generator(network, torch.Generator().manual_seed(0))
    plane = torch.rand(1, 1, 64, 64)
    estimate = network(plane)
    # Five poolings, five blocks; the first block works on the pooled plane of the deepest level but one.
    sides = [before.shape[-1] for before, _ in seen]
    assert sides == [32, 16, 8, 4, 2, 4, 8, 16, 32, 32]  # the last is full size, as four phases
    assert len(seen[-1][0]) == 4
    # The same features dropped, and nothing else: skip connections get them as the next level does.
    masks = iter([out != 0 for _, out in seen])

    def drop(features: torch.Tensor) -> torch.Tensor:
        mask = next(masks)
        return features * (mask if len(mask) == len(features) else merge_phases(mask, 2)) * 2

    assert torch.allclose(estimate, as_written(network, plane, drop), atol=1e-6)


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
