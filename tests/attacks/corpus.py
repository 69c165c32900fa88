"""What is thrown at the routes. A parameter, query or body that no entry here names makes `test_corpus.py` fail."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from my_app.views.route import Route

UP = "../" * 8
# What stands in a path's place as it is sent, percent signs and all.
NAMES = (
    *(
        "..",
        ".",
        "%2e%2e",
        "%2e",
        "..%2f",
        "%2e%2e%2f%2e%2e%2fsecret.json",
        "..%5c..%5csecret.json",
        "..\\..\\secret.json",
    ),
    *(
        f"{UP}etc/passwd",
        "%2fetc%2fpasswd",
        "/etc/passwd",
        "//etc/passwd",
        "%2F%2Fetc%2Fpasswd",
        "....//....//etc/passwd",
    ),
    *("%252e%252e%252fsecret.json", "%c0%ae%c0%ae%c0%afsecret.json", "%e0%80%ae%e0%80%ae/secret.json", "%uff0e%uff0e/"),
    *("%ef%bc%8e%ef%bc%8e%ef%bc%8fsecret.json", "\uff0e\uff0e/x", "a%00", "%00", "x%00.mp3", "%0d%0aSet-Cookie:%20a=b"),
    *(
        "%0aX-Injected:%201",
        ".state",
        ".state%2fkeys.json",
        ".state/journal.sqlite",
        "%2estate%2fjournal.sqlite",
        "..;/x",
    ),
    *(
        "file:%2f%2f%2fetc%2fpasswd",
        "C:%5cWindows%5cwin.ini",
        "CON",
        "NUL.txt",
        "x:stream",
        "~root",
        "$HOME",
        "%24%7bHOME%7d",
    ),
    *(
        "x" * 4000,
        "%f0%9f%8e%b5",
        "%ff%fe",
        "e%cc%81",
        "-1",
        "9" * 400,
        "1e9",
        "0x10",
        "NaN",
        "null",
        "undefined",
        "*",
        "%25",
    ),
    *(
        "'%20OR%201=1--",
        "%22%3b%20DROP%20TABLE%20runs%3b",
        "%3cscript%3e",
        "%7b%7b7*7%7d%7d",
        "%60id%60",
        "%7cid",
        "x?y",
        "x%3fy",
    ),
    *(
        "١",
        "０",
        "²",
        "Ⅷ",
        "true",
        "[]",
        "%5b%5d",
        "%20",
        "+",
        ";",
        "&",
        "=",
        "@",
        ",",
        "%09",
        "%7f",
        "%c2%85",
        "%e2%80%a8",
    ),
)
IDS = ("20300101-000000-0000000", "20300101-000000-000000000", "20300101-000000-0000000G", "٢0300101-000000-00000000")
PATHS: dict[str, tuple[str, ...]] = {
    "run_id": (
        *NAMES,
        *IDS,
        "20300101-000000-ffffffff",
        "20300101-000000-ffffffff%0a",
        "%2e%2e/20300101-000000-ffffffff",
    ),
    "media": NAMES,
    "index": (*NAMES, "00000000000000000000", "99999999999999999999", "-0", "1.0", "%31%30%30"),
    "name": (
        *NAMES,
        "drums",
        "drums.flac",
        "07_output_audio.mp3",
        "../metadata.json",
        "..%2fmetadata.json",
        "metadata.json",
    ),
    "user": NAMES,
    "path": (
        *NAMES,
        "../pyproject.toml",
        "..%2fpyproject.toml",
        "views/..%2f..%2fserver.py",
        "x.py",
        ".git%2fconfig",
        "views",
    ),
}
# A path that exists all the same after one of these: nothing to complain of.
HARMLESS = {"path": set[str](), "run_id": set(), "media": set(), "index": {"0"}, "name": set(), "user": set()}

QUERIES = ("limit", "before", "offset", "q", "status", "output", "backend", "format", "download", "name")
HEADERS = {
    "Range": (
        *(
            "bytes=0-0,1-1,2-2",
            "bytes=" + ",".join(f"{n}-{n}" for n in range(1000)),
            "bytes=5-1",
            "bytes=-0",
            "bytes=-",
        ),
        *(
            "bytes=99999999999999999999-",
            "bytes=0-99999999999999999999",
            "bytes=a-b",
            "items=0-1",
            "bytes=--1",
            "bytes 0-1",
        ),
        *(
            "bytes=0-,-1",
            "bytes=-99999999999",
            "bytes= 0 - 1",
            "bytes=0-1;x",
            "BYTES=0-1",
            "bytes=1-0,0-0",
            "bytes=٣-٤",
        ),
    ),
    "If-Range": ('"x"', 'W/"x"', "Mon, 99 Foo 2000", "\xff", "x" * 4000),
    "If-None-Match": ('"', '"x', "W/", "*,*", '"' + "x" * 4000 + '"', "\xff", '"a", ' * 400),
    "If-Match": ('"', "x", 'W/"*"', '"a", ' * 400, "\xff"),
    "If-Modified-Since": ("x", "Mon, 99 Foo 2000 00:00:00 GMT", "Thu, 01 Jan 0000 00:00:00 GMT", "9" * 50),
    "Last-Event-ID": ("-1", "x", "9" * 100, "1.5", "٣", "0x1", "NaN", "1 2"),
    "Accept": ("x" * 4000, "*/*;q=NaN", "audio/mpeg;q=9", ",,,", "\xff", "a/b" * 500),
    "Prefer": ("wait=999999999999", "wait=-1", "wait=NaN", "respond-async, wait=0", "x" * 4000),
    "Idempotency-Key": ("", " ", "x" * 5000, "\xff", "../../x", "a\tb"),
    "Content-Type": (
        "application/xml",
        "text/html",
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "x",
        "\xff",
    ),
    "Content-Encoding": ("gzip", "br", "deflate", "zstd", "x", "gzip, gzip"),
    "X-HTTP-Method-Override": ("DELETE", "PUT"),
    "X-Forwarded-For": ("127.0.0.1", "\xff", "x" * 4000),
    "X-Forwarded-Host": ("evil.example",),
    "X-Original-URL": ("/api/events",),
    "Cookie": (
        "tonewright_session=../../keys.json",
        "tonewright_session=" + "x" * 4000,
        "a=b; a=b; tonewright_session",
        "\xff",
        ";;=",
    ),
    "Authorization": ("Bearer", "Bearer ", "Bearer \xff", "Basic eDp5", "Bearer " + "x" * 4000, "bearer a b c"),
    "Transfer-Encoding": ("identity", "gzip", "x"),
    "Upgrade": ("websocket", "h2c"),
}

WRONG: tuple[Any, ...] = (
    *(
        None,
        True,
        False,
        0,
        -1,
        1.5,
        10**30,
        -(10**30),
        1e308,
        2**63,
        2**31,
        "",
        "x",
        " ",
        "../../secret.json",
        "/etc/passwd",
    ),
    *(
        "a\r\nX-Injected: 1",
        "\u202e",
        "\ufeff",
        "e\u0301",
        "\ud7ff",
        "CON",
        "%2e%2e",
        "{{7*7}}",
        "<script>",
        "'; DROP TABLE runs; --",
    ),
    *(
        "x" * 30_000,
        [],
        [[]],
        [None],
        ["../../secret.json"],
        ["x"] * 2000,
        {},
        {"": ""},
        {"run": "../..", "entity": "secret.json"},
    ),
    *(
        {"run": [], "entity": {}},
        {"__proto__": {}},
        {"$ref": "file:///etc/passwd"},
        {"a": {"b": [1, {"c": None}]}},
        [1, "x", None],
    ),
)

GRAPH = {"1": {"class_type": "EmptyAudio", "inputs": {"seconds": 1.0}}}
RUN = {"input_text": "a sound", "output_config": "silence_mp3", "schema": "plain", "safety_level": "off", "wait": False}
# By the route's name: a body that is right, into which one wrong value is put at a time.
BODIES: dict[str, dict[str, Any]] = {
    "execute": {
        **RUN,
        "pipeline": "text_to_audio",
        "preset": None,
        "params": {"seconds": 1},
        "seed": 1,
        "execution_mode": "eco",
        "fallback": True,
        "priority": 0,
        "formats": [],
        "wait_timeout_s": 1,
        "enable_streaming": False,
        "brief": False,
    },
    "interception": {
        "schema": "haiku",
        "input_text": "rain",
        "safety_level": "off",
        "execution_mode": "eco",
        "seed": 1,
    },
    "generation": {"prompt": "a sound", "output_config": "silence_mp3", "seed": 1, "steps": 4, "width": 64},
    "import_graph": {"graph": GRAPH, "name": "attack", "backend": None, "write": False, "replace": False},
    "validate_definition": {"kind": "output", "text": "label: {en: A, de: B}\n", "name": "draft"},
    "parse": {"text": "a slow blues", "locked": {"bpm": 90}, "llm": False, "execution_mode": "eco"},
    "pause": {"backend": "nobody"},
    "resume": {"backend": "nobody"},
    "move": {"run_id": "20300101-000000-ffffffff", "to": "front"},
    "begin": {"key": "tonewright_x"},
    # Two things are wrong with it: a key that was made would lock the door for everything that comes after.
    "add_key": {"name": "attack", "admin": False, "safety_floor": None, "queue_limit": 0, "outputs": ["nothing"]},
}
# Routes whose body is a file, which `test_corpus.py` attacks by its forms.
FILES = {"upload"}


def path_of(route: Route, fill: Callable[[str], str]) -> str:
    """The route's path with a value for each of its parameters."""
    path = route.path.replace(":.+", "")
    for name in route.parameters:
        path = path.replace(f"{{{name}}}", fill(name))
    return path
