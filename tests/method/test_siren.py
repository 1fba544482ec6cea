import math

import torch

from napari_blindspot.method.siren import Siren, encode, pixel_coordinates


def siren(**changes) -> Siren:
    given = {
        "features": 32,
        "octaves": 4,
        "dropout": (0.35, 0.45, 0.55, 0.65, 0.75),
        "omega": 30.0,
    } | changes
    return Siren(**given, generator=torch.Generator().manual_seed(0))


def test_coordinates_run_from_minus_one_to_one_in_row_major_order():
    grid = pixel_coordinates(3, 5, torch.device("cpu")).reshape(3, 5, 2)
    assert grid[0, 0].tolist() == [-1.0, -1.0]
    assert grid[-1, -1].tolist() == [1.0, 1.0]
    assert grid[1, 2].tolist() == [0.0, 0.0]
    assert grid[0, 4].tolist() == [-1.0, 1.0]


def test_the_encoding_holds_the_point_and_sine_and_cosine_of_every_octave():
    point = torch.tensor([[0.25, -0.5]])
    expected = [0.25, -0.5]
    for wave in (math.sin, math.cos):
        for octave in range(3):
            expected += [wave(2**octave * math.pi * p) for p in (0.25, -0.5)]
    assert torch.allclose(encode(point, 3), torch.tensor([expected]), atol=1e-6)


def test_without_octaves_the_encoding_is_the_point_itself():
    point = torch.rand(4, 2)
    assert torch.equal(encode(point, 0), point)


def test_the_papers_inr_has_six_layers_of_32_features():
    network = siren()
    assert len(network.hidden) + 1 == 6
    assert [layer.out_features for layer in network.hidden] == [32] * 5
    # 18 inputs (2 + 4 octaves of sine and cosine), five sine layers, one linear output.
    assert sum(p.numel() for p in network.parameters()) == 18 * 32 + 32 + 4 * (32 * 32 + 32) + 33


def test_the_output_has_a_number_for_each_channel_of_a_point():
    out = siren(dropout=(0.0,) * 5)(torch.rand(7, 2))
    assert out.shape == (7, 1)
    assert siren(channels=3)(torch.rand(7, 2)).shape == (7, 3)


def test_dropout_stays_on_so_that_two_calls_differ():
    network = siren()
    points = torch.rand(100, 2)
    assert not torch.equal(network(points), network(points))


def test_a_siren_without_dropout_learns_a_smooth_image():
    network = siren(dropout=(0.0, 0.0, 0.0))
    points = pixel_coordinates(24, 24, torch.device("cpu"))
    target = torch.sin(3 * points[:, 0]) * torch.cos(2 * points[:, 1])
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    for _ in range(150):
        loss = (network(points)[:, 0] - target).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.01 * target.var().item()
