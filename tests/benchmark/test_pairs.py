import numpy as np
import pytest
from benchmark_data import noisy_version, save, smooth

from napari_blindspot.benchmark.pairs import centre_crop, find_pairs, modality, read_plane
from napari_blindspot.core.errors import FileError, ImageError


def keys(found):
    return [(pair.scene, pair.capture, pair.raw.name, pair.truth.name) for pair in found.pairs]


def test_the_flat_layout_pairs_every_capture_with_the_truth_of_its_scene(flat):
    assert keys(find_pairs(flat)) == [
        ("Confocal_A_fov1", 1, "Confocal_A_fov1.png", "Confocal_A_fov1.png"),
        ("WideField_B_fov19", 1, "WideField_B_fov19_1.png", "WideField_B_fov19.png"),
        ("WideField_B_fov19", 2, "WideField_B_fov19_2.png", "WideField_B_fov19.png"),
    ]


def test_a_truth_for_each_capture_is_preferred_to_one_for_the_scene(flat):
    save(flat / "gt" / "WideField_B_fov19_2.png", smooth())
    assert [pair.truth.name for pair in find_pairs(flat).pairs][1:] == [
        "WideField_B_fov19.png",
        "WideField_B_fov19_2.png",
    ]


def test_the_official_layout_takes_the_test_field_of_view_and_counts_captures_in_order(official):
    assert keys(find_pairs(official)) == [
        ("Confocal_BPAE_B", 1, "HV110_P1.png", "avg50.png"),
        ("Confocal_BPAE_B", 2, "HV110_P2.png", "avg50.png"),
        ("Confocal_BPAE_B", 3, "HV110_P10.png", "avg50.png"),
    ]
    assert {pair.truth.parent.name for pair in find_pairs(official).pairs} == {"19"}


def test_other_fields_of_view_are_named_and_taken_where_the_test_one_is_missing(official):
    sample = official / "Confocal_BPAE_B"
    for kind in ("raw", "gt"):
        (sample / kind / "19").rename(sample / kind / "7")
    scenes = {pair.scene for pair in find_pairs(official).pairs}
    assert scenes == {"Confocal_BPAE_B_fov3", "Confocal_BPAE_B_fov7"}


def test_a_sample_folder_by_itself_is_a_dataset(official):
    assert len(find_pairs(official / "Confocal_BPAE_B").pairs) == 3


def test_test_mix_comes_before_the_folder_of_the_same_sample(official):
    for number in (1, 2):
        for kind in ("raw", "gt"):
            save(official / "test_mix" / kind / f"Confocal_BPAE_B_{number}.png", smooth())
    assert [pair.raw.parent.parent.name for pair in find_pairs(official).pairs] == ["test_mix"] * 2


def test_captures_limits_each_scene(flat):
    assert [pair.capture for pair in find_pairs(flat, captures=1).pairs] == [1, 1]


def test_a_raw_image_without_truth_is_named_and_the_others_stay(flat):
    save(flat / "raw" / "Lonely_1.png", smooth())
    found = find_pairs(flat)
    assert found.problems == ["Lonely_1.png has no truth: neither gt/Lonely_1.png nor gt/Lonely.* exists."]
    assert len(found.pairs) == 3


def test_a_folder_without_pairs_says_what_was_expected(tmp_path):
    with pytest.raises(FileError, match=r"no pair .* raw/NAME_1.png with gt/NAME.png"):
        find_pairs(tmp_path)
    with pytest.raises(FileError, match="There is no folder"):
        find_pairs(tmp_path / "nowhere")


def test_sizes_that_differ_are_named(tmp_path):
    save(tmp_path / "raw" / "A_1.png", smooth((64, 64)))
    save(tmp_path / "gt" / "A.png", smooth((64, 48)))
    with pytest.raises(ImageError, match=r"A_1.png has 64×64 pixels and its truth A.png 64×48"):
        find_pairs(tmp_path).pairs[0].load()


def test_pixels_are_read_as_they_are_and_cropped_in_the_middle(tmp_path):
    image = np.arange(64 * 64, dtype=np.uint8).reshape(64, 64)
    save(tmp_path / "x.png", image)
    plane = read_plane(tmp_path / "x.png")
    assert plane.dtype == np.float32
    np.testing.assert_array_equal(plane, image)
    np.testing.assert_array_equal(centre_crop(plane, 32), image[16:48, 16:48])
    np.testing.assert_array_equal(centre_crop(plane, 500), image)


def test_images_that_are_not_8_bit_planes_are_refused(tmp_path):
    from skimage.io import imsave

    imsave(tmp_path / "deep.tif", np.zeros((32, 32), np.uint16), check_contrast=False)
    with pytest.raises(ImageError, match="uint16 32×32, but the protocol is for 8-bit"):
        read_plane(tmp_path / "deep.tif")
    (tmp_path / "broken.png").write_bytes(b"not a picture")
    with pytest.raises(FileError, match=r"broken.png cannot be read"):
        read_plane(tmp_path / "broken.png")


def test_the_microscope_is_read_from_the_name():
    names = ("Confocal_MICE_fov1", "TwoPhoton_X", "WideField_BPAE_R", "camera")
    assert [modality(name) for name in names] == ["Confocal", "TwoPhoton", "WideField", "other"]


def test_noise_of_the_fixture_is_in_the_raw_images_only(flat):
    noisy, truth = find_pairs(flat).pairs[0].load()
    assert 15 < float((noisy - truth).std()) < 25
    assert noisy_version(truth).shape == truth.shape
