"""The image nodes: files as their pixels say."""

from __future__ import annotations

import numpy as np
from PIL import Image

from devserver.host.stock.image import to_pixels
from tests.host.conftest import Bench


def test_a_batch_becomes_a_file_each(bench: Bench) -> None:
    prefix = "b/%width%x%height%_%batch_num%"
    graph = {
        "1": {"class_type": "EmptyImage", "inputs": {"width": 6, "height": 4, "batch_size": 3, "color": 0xFF8000}},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": prefix}},
    }
    entries = bench.run(graph)["2"]["images"]
    assert [entry["filename"] for entry in entries] == ["6x4_0_00001_.png", "6x4_1_00002_.png", "6x4_2_00003_.png"]
    with Image.open(bench.saved(entries[2])) as image:
        assert image.size == (6, 4)
        assert image.getpixel((5, 3)) == (255, 128, 0)


def test_a_value_outside_0_to_1_is_clipped() -> None:
    image = np.array([[[-1.0, 0.5, 2.0]]], np.float32)
    assert to_pixels(image).tolist() == [[[0, 127, 255]]]
