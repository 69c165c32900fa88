"""A file that somebody sent opens no other one."""

from __future__ import annotations

from pathlib import Path

import av
import pytest

from devserver.media.opening import open_media
from tests.doubles import odd_media


def test_a_list_of_other_files_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret.wav").write_bytes(odd_media.wav(odd_media.tone()))
    (tmp_path / "list").write_text("ffconcat version 1.0\nfile secret.wav\n")
    with av.open(str(tmp_path / "list"), options={"safe": "0"}) as file:
        assert file.streams.audio
    with pytest.raises(av.FFmpegError), open_media(tmp_path / "list"):
        pass


def test_a_file_is_told_by_its_content_whatever_its_name_is(tmp_path: Path) -> None:
    (tmp_path / "song.mp4").write_bytes(odd_media.wav(odd_media.tone()))
    with open_media(tmp_path / "song.mp4") as file:
        assert file.format.name == "wav"


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/song.wav", "concat:a.wav|b.wav", "data:audio/wav,RIFF"])
def test_an_address_is_no_file(address: str) -> None:
    with pytest.raises(av.FFmpegError), open_media(Path(address)):
        pass


def test_a_playlist_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret.ts").write_bytes(odd_media.encoded("mpegts", "aac", odd_media.tone()))
    head = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n"
    (tmp_path / "list.m3u8").write_text(f"{head}secret.ts\n#EXT-X-ENDLIST\n")
    with pytest.raises(av.FFmpegError), open_media(tmp_path / "list.m3u8"):
        pass
