"""The token of an agent is made once, shown once and kept."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from cli.agent import token_in


def test_a_token_is_printed_where_it_is_made_and_never_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    token = token_in(tmp_path / "agent")
    said = capsys.readouterr()
    assert f"authorization: Bearer {token}" in said.err
    assert f"the token is kept in {tmp_path / 'agent' / 'token'}" in said.err
    assert said.out == ""
    assert token_in(tmp_path / "agent") == token
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe"])
def test_a_token_that_cannot_be_read_is_told_and_not_made_anew(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "token").write_bytes(content)
    with pytest.raises(click.ClickException, match=r"^The token of this agent cannot be read: "):
        token_in(tmp_path)
    assert (tmp_path / "token").read_bytes() == content


def test_a_folder_that_is_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "agent").write_text("x")
    with pytest.raises(click.ClickException, match=r"^The token of this agent cannot be read: "):
        token_in(tmp_path / "agent")
