import torch

from napari_blindspot.method.losses import consistency_loss, denoising_loss, inr_loss, masked_l1


def test_each_loss_is_the_mean_absolute_difference_over_its_set():
    a = torch.tensor([[1.0, 5.0], [2.0, 0.0]])
    b = torch.tensor([[0.0, 2.0], [2.0, 9.0]])
    mask = torch.tensor([[True, True], [True, False]])
    for loss in (denoising_loss, inr_loss, consistency_loss, masked_l1):
        assert abs(loss(a, b, mask).item() - (1 + 3 + 0) / 3) < 1e-6


def test_an_empty_set_costs_nothing_and_stays_finite():
    a = torch.rand(3, 3, requires_grad=True)
    loss = masked_l1(a, torch.rand(3, 3), torch.zeros(3, 3, dtype=torch.bool))
    loss.backward()
    assert loss.item() == 0.0
    assert torch.equal(a.grad, torch.zeros(3, 3))


def test_the_consistency_loss_teaches_the_inr_but_gives_the_denoiser_no_gradient():
    inr = torch.rand(4, 4, requires_grad=True)
    denoised = torch.rand(4, 4, requires_grad=True)
    consistency_loss(inr, denoised, torch.ones(4, 4, dtype=torch.bool)).backward()
    assert inr.grad.abs().sum() > 0
    assert denoised.grad is None
