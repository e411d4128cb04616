"""Assets: every source can fail, and nothing wrong is ever used. No network: the Hub and the package index are local fakes."""

import hashlib
import http.server
import io
import json
import os
import shutil
import socket
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from pathlib import Path

import pytest

from ftlab import _cache, _download, assets
from ftlab._files import cache_home, locked
from ftlab.errors import AssetError, InputError

ROOT = Path(__file__).resolve().parents[1]
FILES = {"config.json": b'{"layers": 1}', "weights.safetensors": bytes(range(256)) * 300}
REVISION = "0123456789abcdef0123456789abcdef01234567"


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def wheel(path: Path, files: dict[str, bytes] = FILES) -> Path:
    info = "tiny_asset-1.0.dist-info/"
    with zipfile.ZipFile(path, "w") as box:
        for name, data in files.items():
            box.writestr("tiny_asset/model/" + name, data)
        box.writestr(info + "METADATA", "Metadata-Version: 2.1\nName: tiny-asset\nVersion: 1.0\n")
        box.writestr(info + "WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        box.writestr(info + "RECORD", "")
    return path


def write_manifest(path: Path, archive: Path, prefix: str = "tiny_asset/model/", inner: str = "", requirement: str = "tiny-asset==1.0") -> Path:
    rows = "\n".join(f'"{n}" = {{ size = {len(d)}, sha256 = "{sha(d)}" }}' for n, d in FILES.items())
    inner = f'inner = "{inner}"' if inner else ""
    path.write_text(
        f'[tiny]\ntitle = "a test"\nlicence = "none"\nprovenance = "made here"\nhub = {{ repo = "o/tiny", revision = "{REVISION}" }}\n'
        f'[tiny.index]\nrequirement = "{requirement}"\narchive = "{archive.name}"\nsha256 = "{sha(archive.read_bytes())}"\nprefix = "{prefix}"\n{inner}\n'
        f"[tiny.files]\n{rows}\n"
    )
    return path


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A fresh cache, a manifest with one small asset, a package index that is a folder, and no Hub."""
    shop = tmp_path / "shop"
    shop.mkdir()
    manifest = write_manifest(tmp_path / "assets.toml", wheel(shop / "tiny_asset-1.0-py3-none-any.whl"))
    monkeypatch.setattr(assets, "MANIFEST", manifest)
    monkeypatch.setattr(_cache, "_hub_failed", "")
    monkeypatch.setattr(_download, "HUB_PATIENCE", 0.6)
    monkeypatch.setattr(_download, "from_index", quick_index)
    for name, value in {"FTLAB_HOME": tmp_path / "home", "HF_HOME": tmp_path / "hf", "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": shop,
                        "PIP_CACHE_DIR": tmp_path / "pip", "HF_ENDPOINT": "http://127.0.0.1:9", "PIP_EXTRA_INDEX_URL": ""}.items():
        monkeypatch.setenv(name, str(value))
    for name in ("FTLAB_ASSETS", "HF_HUB_OFFLINE", "HF_HUB_CACHE", "FTLAB_QUIET", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


REAL_INDEX = _download.from_index


def quick_index(requirement, sha256, archive, target, tick, fresh=False):
    """Stands in for pip, which takes a second to start, where a test is about something else."""
    source = Path(os.environ["PIP_FIND_LINKS"]) / archive
    if not source.is_file() or sha(source.read_bytes()) != sha256:
        raise _download.SourceError("the package index: none")
    return Path(shutil.copy(source, target))


@pytest.fixture
def pip(place, monkeypatch):
    """The real pip, whose index is a folder."""
    monkeypatch.setattr(_download, "from_index", REAL_INDEX)
    return place


def whole(folder: Path) -> bool:
    return all((folder / name).read_bytes() == data for name, data in FILES.items())


class FakeHub(http.server.BaseHTTPRequestHandler):
    fault = ""
    asked: list[str] = []

    def do_GET(self):
        self.asked.append(self.path)
        data = FILES[self.path.rsplit("/", 1)[-1]]
        if self.fault.isdigit():
            return self.send_error(int(self.fault))
        if self.fault == "hang":
            return time.sleep(3)
        if self.fault == "wrong":
            data = data[::-1]
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.fault == "trickle":
            for i in range(30):
                self.wfile.write(data[i : i + 1])
                time.sleep(0.1)
        self.wfile.write(data[: len(data) // 2] if self.fault == "truncate" else data)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def hub(place, monkeypatch):
    handler = type("Handler", (FakeHub,), {"asked": []})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    server.block_on_close = False
    server.handle_error = lambda *arguments: None
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    yield handler
    server.shutdown()
    server.server_close()


def test_the_package_index_is_used_where_the_hub_is_not_reachable(pip, place, capsys):
    assert whole(assets.path("tiny"))
    said = capsys.readouterr().err
    assert "the Hub cannot be reached" in said and "SHA-256 right" in said


def test_the_hub_comes_first_and_is_asked_for_the_pinned_revision(hub):
    assert whole(assets.path("tiny"))
    assert hub.asked == [f"/o/tiny/resolve/{REVISION}/{name}" for name in sorted(FILES, key=lambda n: len(FILES[n]))]


@pytest.mark.parametrize("fault", ["401", "404", "429", "503", "hang", "trickle", "truncate", "wrong"])
def test_a_hub_that_fails_is_left_for_the_next_source(hub, fault, capsys):
    hub.fault = fault
    started = time.monotonic()
    assert whole(assets.path("tiny"))
    assert time.monotonic() - started < 8
    said = capsys.readouterr().err
    assert "next source" in said
    assert ("once more" in said) == (fault in ("truncate", "wrong"))  # a broken file is fetched again, a refusal is not


def test_the_real_time_outs_are_short():
    assert _download.HUB_PATIENCE <= 5


def test_hf_hub_offline_asks_the_hub_nothing(hub, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert whole(assets.path("tiny"))
    assert hub.asked == []


def test_the_hubs_own_cache_is_used(place, monkeypatch):
    folder = place / "hf" / "hub" / "models--o--tiny" / "snapshots" / REVISION
    folder.mkdir(parents=True)
    for name, data in FILES.items():
        (folder / name).write_bytes(data)
    monkeypatch.setenv("PIP_FIND_LINKS", str(place / "nowhere"))
    assert whole(assets.path("tiny"))


def test_a_filled_cache_opens_no_connection_and_starts_no_program(place, monkeypatch):
    assets.path("tiny")

    def refuse(*arguments, **keywords):
        raise AssertionError("touched the network or started a program")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(subprocess, "Popen", refuse)
    monkeypatch.setattr(_download, "from_hub", refuse)
    started = time.monotonic()
    assert whole(assets.path("tiny")) and assets.fetch(["tiny"]) and assets.status()[0].ready
    assert time.monotonic() - started < 0.5


@pytest.mark.parametrize("damage", ["truncate", "flip", "delete", "marker"])
def test_a_damaged_cache_is_noticed_and_mended(place, damage):
    file = assets.path("tiny") / "weights.safetensors"
    if damage == "truncate":
        file.write_bytes(file.read_bytes()[:-7])
    elif damage == "flip":
        file.write_bytes(b"\xff" + file.read_bytes()[1:])
        os.utime(file, (1, 1))
    elif damage == "delete":
        file.unlink()
    else:
        (file.parent / ".checked.json").write_text("{")
    assert whole(assets.path("tiny"))


def test_check_hashes_everything_even_where_size_and_time_look_right(place):
    file = assets.path("tiny") / "weights.safetensors"
    time_before = file.stat().st_mtime_ns
    file.write_bytes(b"\xff" + file.read_bytes()[1:])
    os.utime(file, ns=(time_before, time_before))
    assert assets.check(["tiny"]) == {"tiny": ["weights.safetensors"]}
    assert whole(assets.path("tiny"))
    assert assets.check() == {"tiny": []}


def test_a_named_folder_comes_first_as_files_or_as_the_archive(place, monkeypatch):
    monkeypatch.setenv("PIP_FIND_LINKS", str(place / "nowhere"))
    monkeypatch.setenv("FTLAB_ASSETS", str(place / "shop"))
    assert whole(assets.path("tiny"))
    folder = place / "mine" / "tiny"
    folder.mkdir(parents=True)
    for name, data in FILES.items():
        (folder / name).write_bytes(data)
    monkeypatch.setenv("FTLAB_HOME", str(place / "home2"))
    assert whole(assets.fetch(["tiny"], folder=place / "mine")["tiny"])
    monkeypatch.setenv("FTLAB_HOME", str(place / "home3"))
    with pytest.raises(InputError, match="is not a folder"):
        assets.fetch(["tiny"], folder=place / "none")


def test_a_wrong_file_in_the_named_folder_is_not_used(place, monkeypatch, capsys):
    wheel(place / "tiny_asset-1.0-py3-none-any.whl", {**FILES, "config.json": b'{"layers": 2}'})
    monkeypatch.setenv("FTLAB_ASSETS", str(place))
    assert whole(assets.path("tiny"))
    assert "config.json has the wrong size or SHA-256; next source" in capsys.readouterr().err


@pytest.mark.parametrize("broken", ["truncated", "other", "missing"])
def test_no_source_at_all_says_which_file_to_put_where_and_leaves_nothing(pip, place, broken):
    archive = place / "shop" / "tiny_asset-1.0-py3-none-any.whl"
    if broken == "truncated":
        archive.write_bytes(archive.read_bytes()[:-5000])
    elif broken == "other":
        wheel(archive, {**FILES, "config.json": b"{}"})
    else:
        archive.unlink()
    with pytest.raises(AssetError) as caught:
        assets.path("tiny")
    message = str(caught.value)
    assert "\n" not in message and "FTLAB_ASSETS" in message and "tiny_asset-1.0-py3-none-any.whl" in message
    assert not any(p.is_file() and p.suffix != ".lock" for p in (place / "home").rglob("*"))


def test_an_archive_cannot_write_outside(place):
    """Members that are not in the manifest are not unpacked, whatever they are called, and a link is refused."""
    evil = place / "evil.tar.gz"
    with tarfile.open(evil, "w:gz") as box:
        for name, data in {"m/config.json": FILES["config.json"], "../escaped.txt": b"out", "/tmp/ftlab-escaped.txt": b"out"}.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            box.addfile(info, io.BytesIO(data))
        link = tarfile.TarInfo("m/link.txt")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        box.addfile(link)
    target = place / "out"
    target.mkdir()
    _download.unpack(evil, "m/", None, {"config.json": 13}, target)
    assert [p.name for p in target.iterdir()] == ["config.json"] and not (place / "escaped.txt").exists()
    with pytest.raises(_download.WrongFile, match="not a plain file"):
        _download.unpack(evil, "m/", None, {"link.txt": 10}, target)


def test_a_member_far_larger_than_stated_is_not_unpacked_whole(place):
    bomb = place / "bomb.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as box:
        box.writestr("m/config.json", bytes(50_000_000))
    _download.unpack(bomb, "m/", None, {"config.json": 13}, place)
    assert (place / "config.json").stat().st_size < 3_000_000


@pytest.mark.parametrize("name", ["../x.txt", "/etc/x.txt", "a/b.txt", "a\\b.txt", "model.bin", "weights.pt", "x.pkl", "code.py"])
def test_the_manifest_may_not_name_paths_pickles_or_code(place, name):
    place.joinpath("assets.toml").write_text(
        f'[bad]\ntitle = ""\nlicence = ""\nprovenance = ""\n[bad.files]\n{json.dumps(name)} = {{ size = 1, sha256 = "{sha(b"x")}" }}\n')
    with pytest.raises(AssetError):
        assets.manifest()


def test_a_source_archive_is_unpacked_without_running_its_code(pip, place):
    inner = io.BytesIO()
    with tarfile.open(fileobj=inner, mode="w:gz") as box:
        for name, data in FILES.items():
            info = tarfile.TarInfo("deep/" + name)
            info.size = len(data)
            box.addfile(info, io.BytesIO(data))
    archive, ran = place / "shop" / "tinysource-0.5.zip", place / "ran"
    with zipfile.ZipFile(archive, "w") as box:
        box.writestr("tinysource-0.5/setup.py", f"open({str(ran)!r}, 'w'); from setuptools import setup; setup(name='tinysource', version='0.5')")
        box.writestr("tinysource-0.5/PKG-INFO", "Metadata-Version: 1.1\nName: tinysource\nVersion: 0.5\n")
        box.writestr("tinysource-0.5/extra/data.tar.gz", inner.getvalue())
    write_manifest(place / "assets.toml", archive, "deep/", "tinysource-0.5/extra/data.tar.gz", "tinysource==0.5")
    assert whole(assets.path("tiny"))
    assert not ran.exists()


def test_two_processes_at_once_fetch_once(place):
    code = ("import sys; from pathlib import Path; from ftlab import assets; assets.MANIFEST = Path(sys.argv[1]); "
            "print(len(list(assets.path('tiny').glob('*.*'))))")
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(ROOT)}
    both = [subprocess.Popen([sys.executable, "-c", code, str(assets.MANIFEST)], env=environment, text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)]
    outputs = [process.communicate(timeout=60) for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    assert sum("SHA-256 right" in said for _, said in outputs) == 1  # the other waited, and found it there
    assert whole(cache_home() / "assets" / "tiny")


def test_the_lock_is_freed_when_its_holder_dies(place):
    code = "import sys, time\nfrom pathlib import Path\nfrom ftlab._files import locked\nwith locked(Path(sys.argv[1])):\n print('in', flush=True)\n time.sleep(60)"
    holder = subprocess.Popen([sys.executable, "-c", code, str(place / "x.lock")], stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert holder.stdout.readline().strip() == b"in"
    waited = []
    threading.Timer(0.5, holder.kill).start()
    started = time.monotonic()
    with locked(place / "x.lock", lambda: waited.append(1)):
        assert waited and 0.2 < time.monotonic() - started < 10
    holder.wait()
    holder.stdout.close()


def test_a_cache_that_cannot_be_made_is_one_clear_line(place, monkeypatch):
    (place / "file").write_text("")
    monkeypatch.setenv("FTLAB_HOME", str(place / "file"))
    with pytest.raises(AssetError, match="FTLAB_HOME"):
        assets.path("tiny")


def test_an_unknown_asset_is_one_clear_line(place):
    with pytest.raises(InputError, match="there is no asset 'tinny'.*one of tiny"):
        assets.path("tinny")


def test_the_real_manifest_is_complete():
    known = assets.manifest()
    assert list(known) == ["minilm-l6", "ratings", "smollm2-135m"]
    for asset in known.values():
        assert asset.title and asset.licence and len(asset.provenance) > 40 and asset.index
        assert all(len(entry["sha256"]) == 64 and entry["size"] > 0 for entry in asset.files.values())
        assert len(asset.hub.get("revision", REVISION)) == 40  # an exact commit, never a branch
    assert known["minilm-l6"].files["model.safetensors"]["sha256"].startswith("53aa5117")


SERVE = ROOT.parent / "shared" / "hub" / "serve.py"


@pytest.mark.skipif(not SERVE.exists(), reason="the loopback Hub is not beside this checkout")
def test_the_real_lite_model_from_the_loopback_hub(place, monkeypatch):
    monkeypatch.undo()
    source = cache_home() / "assets" / "minilm-l6"
    if not source.is_dir():
        pytest.skip("the lite model is not in the cache")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen([sys.executable, str(SERVE), "--port", str(port), "--also",
                               f"models/sentence-transformers/all-MiniLM-L6-v2={source}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{port}")
        monkeypatch.setenv("FTLAB_HOME", str(place / "fresh"))
        monkeypatch.setenv("HF_HOME", str(place / "hf"))
        monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
        monkeypatch.setattr(_cache, "_hub_failed", "")
        said: list[str] = []
        folder = assets.fetch(["minilm-l6"], say=said.append)["minilm-l6"]
        assert "from the Hub" in said[-1] and assets.check(["minilm-l6"]) == {"minilm-l6": []}
        assert (folder / "model.safetensors").stat().st_size == 90868376
    finally:
        server.terminate()
        server.wait()
