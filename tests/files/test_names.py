import pytest

from napari_blindspot.files.names import stem


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
