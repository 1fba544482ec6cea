import pytest

from napari_blindspot.core.errors import FileError
from napari_blindspot.files.names import beside_names, check_length, hidden_name, stem


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cells.tif", "cells"),
        ("cells.ome.tif", "cells"),
        ("cells.OME.TIFF", "cells"),
        ("cells.ome.zarr", "cells"),
        ("day 1.cells.png", "day 1.cells"),
        ("cells", "cells"),
        (".ome.tif", ".ome"),
    ],
)
def test_the_stem_of_a_name_is_without_its_ending_and_ome_belongs_to_that(name, expected):
    assert stem(name) == expected


def test_a_result_beside_another_one_has_a_number_before_its_ending(tmp_path):
    names = [path.name for path in beside_names(tmp_path / "a_denoised.ome.tif", 3)]
    assert names == ["a_denoised-2.ome.tif", "a_denoised-3.ome.tif"]


def test_a_hidden_name_is_never_longer_than_a_name_can_be():
    assert hidden_name("a.tif", ".lock") == ".a.tif.lock"
    one, other = (hidden_name("µ" * 120 + end, ".12345678.part") for end in "ab")
    assert (len(one.encode()), one.endswith(".12345678.part")) == (254, True)
    assert one != other


def test_a_name_or_a_path_that_is_too_long_is_refused_in_one_sentence(tmp_path):
    check_length(tmp_path / ("a" * 247))
    with pytest.raises(FileError) as refused:
        check_length(tmp_path / ("µ" * 124))
    assert str(refused.value) == (
        f"The name of the output, {'µ' * 40}…, is 248 bytes long, but at most 247 are possible here; "
        "give the input or the output a shorter name."
    )
    with pytest.raises(
        FileError, match=r"The path of the output a.tif is 40.. bytes long, but at most 40.. are"
    ):
        check_length(tmp_path.joinpath(*["f" * 200] * 20, "a.tif"))
