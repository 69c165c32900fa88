"""The folder stands alone: ComfyUI loads it by its path, under a name that is no Python name."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

NODES = Path(__file__).parents[2] / "devserver" / "nodes"

LOAD_AS_COMFYUI_DOES = """
import importlib.util, sys
folder = sys.argv[1]
name = folder.replace(".", "_x_")
spec = importlib.util.spec_from_file_location(name, folder + "/__init__.py")
module = importlib.util.module_from_spec(spec)
sys.modules[name] = module
spec.loader.exec_module(module)
(song,) = module.TABLE["TonewrightCompose"]().run(
    prompt="house", genre="auto", bpm=0, key="auto", mood="auto", instruments="", seconds=2, seed=1)
mix = module.TABLE["TonewrightSynthesise"]().run(song=song)["result"][0]
print(sorted(name for name in ("scipy", "torch", "av", "PIL", "mido", "devserver", "schemas") if name in sys.modules))
module.TABLE["TonewrightAnalyse"]().run(audio=mix)
print(sorted(name for name in ("scipy", "torch", "PIL", "mido", "devserver", "schemas") if name in sys.modules))
print(mix["waveform"].shape)
"""


def test_it_loads_and_plays_by_path_without_heavy_packages_or_the_project(tmp_path: Path) -> None:
    link = tmp_path / "custom_nodes" / "ton.e-wright"
    link.parent.mkdir()
    link.symlink_to(NODES)
    done = subprocess.run(
        [sys.executable, "-I", "-c", LOAD_AS_COMFYUI_DOES, str(link)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["[]", "[]", "(1, 2, 96000)"]
