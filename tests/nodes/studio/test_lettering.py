"""Letters, also those that Pillow's own font lacks, within their width."""

from __future__ import annotations

import numpy as np
import pytest

from devserver.nodes.studio import lettering
from devserver.nodes.studio.lettering import OWN, Lettering


def test_a_text_is_a_mask_of_even_measures_within_its_width() -> None:
    letters = Lettering(["Hello world " * 20])
    for text, lines in (("Hello", 1), ("Hello world " * 20, 1), ("Hello world " * 20, 2), ("W" * 200, 2)):
        mask = letters.words(text, 40, 600, lines)
        assert mask.shape[0] % 2 == mask.shape[1] % 2 == 0
        assert mask.shape[1] <= 600 + 16
        assert not mask[:, -2:].any()
        assert 0.99 <= mask.max() <= 1
    assert letters.words("Hello world " * 90, 40, 600, 2).shape[0] < 110
    assert letters.words("Hello world " * 20, 40, 600, 2).shape[0] > 1.3 * letters.words("Hello", 40, 600).shape[0]


def test_plain_text_is_in_pillows_own_font() -> None:
    assert Lettering(["Hello", "World 1:23"]).face == OWN


@pytest.mark.parametrize("faces", [lettering.FACES, ()])
def test_umlauts_are_drawn_with_and_without_other_fonts(
    faces: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lettering, "FACES", faces)
    letters = Lettering(["Grüße über Ärger, été, ñ ç – „ß“"])
    assert letters.lacking == ""
    plain, dotted = letters.words("uber", 60, 600), letters.words("über", 60, 600)
    assert dotted.shape == plain.shape
    top = np.argmax(plain.max(axis=1) > 0.5)  # of the b
    dots = (dotted - plain).clip(0)[:, : plain.shape[1] // 3]
    rows = np.flatnonzero(dots.max(axis=1) > 0.5)
    x_height = np.argmax(plain[:, : plain.shape[1] // 5].max(axis=1) > 0.5)
    assert rows.size > 3
    assert top - 12 < rows.min() < rows.max() < x_height
    across = (dots[rows].max(axis=0) > 0.5).astype(int)
    assert (np.diff(across) == 1).sum() == 2  # two dots beside each other


def test_signs_of_no_font_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lettering, "FACES", ())
    assert Lettering(["Жя ok"]).lacking == "Жя"
