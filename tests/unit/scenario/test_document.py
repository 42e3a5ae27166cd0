"""A file becomes a tree that knows its place, or is refused before anything grows."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from sim.core.errors import InputError, InputErrors, Position
from sim.scenario import document
from sim.scenario.document import ListNode, MapNode, ScalarNode, load_document, resolve_inside


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "s.yaml"


def refuse(file: Path, content: str | bytes) -> list[str]:
    """Messages of a refused file, its folder left out."""
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(InputErrors) as caught:
        load_document(file)
    return str(caught.value).replace(str(file), "s.yaml").splitlines()


def test_every_node_knows_its_place(file: Path) -> None:
    file.write_text("# head\na: [x, 'y']\nb:\n  c: |\n    z\n")
    tree = load_document(file)
    name = str(file)
    assert tree == MapNode(
        {
            "a": (
                Position(name, 2, 1),
                ListNode(
                    [
                        ScalarNode("x", False, Position(name, 2, 5)),
                        ScalarNode("y", True, Position(name, 2, 8)),
                    ],
                    Position(name, 2, 4),
                ),
            ),
            "b": (
                Position(name, 3, 1),
                MapNode(
                    {
                        "c": (
                            Position(name, 4, 3),
                            ScalarNode("z\n", True, Position(name, 4, 6)),
                        )
                    },
                    Position(name, 4, 3),
                ),
            ),
        },
        Position(name, 2, 1),
    )


REFUSED_BY_THE_FORMAT: list[tuple[str, str | bytes, str]] = [
    ("a tab", "a:\n\tb: 1", "2:1: holds a tab: indent and separate with spaces"),
    ("a NUL", "a: \0", "1:4: holds a NUL character: the file is not text"),
    (
        "a BOM",
        "\ufeffa: 1",
        "1:1: holds a byte order mark (BOM): save the file as UTF-8 without it",
    ),
    (
        "a bell",
        "a: 1\r\nb: \7",
        "2:4: holds the character U+0007, which is not allowed in YAML here",
    ),
    ("another encoding", b"a: 1\nb: \xe9", "2:4: byte 0xE9 is not UTF-8"),
    ("two documents", "a: 1\n---\nb: 2", "2:1: a second document starts, expected one per file"),
    ("an empty file", "", "1:1: the file is empty"),
    ("only a comment", "# nothing\n", "1:1: the file is empty"),
    ("an empty document", "---\n", "2:1: got nothing, expected a mapping of keys"),
    ("a list", "- a", "1:1: got a list, expected a mapping of keys"),
    ("a word", "hello", "1:1: got 'hello', expected a mapping of keys"),
    ("a directive", "%YAML 1.1\n---\na: 1", "1:1: directives (%YAML, %TAG) are not allowed"),
    ("a duplicate key", "b:\n  a: 1\n  a: 2", "3:3: b.a: duplicate key, first given in line 2"),
    ("a duplicate quoted key", "a: 1\n'a': 2", "2:1: a: duplicate key, first given in line 1"),
    ("an anchor", "a: &x [1]", "1:4: a: an anchor (&x): write each value out"),
    ("an alias", "b: [1, *x]", "1:8: b[1]: an alias (*x): write the value out"),
    (
        "a merge key",
        "a: {<<: {b: 1}}",
        "1:5: a: merge keys (<<) are not allowed: write the keys out",
    ),
    (
        "an object tag",
        "a: !!python/object:os.system x",
        "1:4: a: a tag ('tag:yaml.org,2002:python/object:os.syste'... (41 characters)): the "
        "key decides the type",
    ),
    ("a tag", "a: !x {}", "1:4: a: a tag ('!x'): the key decides the type"),
    ("a number as key", "1: x", "1:1: got 1, expected text as a key: quote it"),
    ("a truth value as key", "a: {on: x}", "1:5: a: got 'on', expected text as a key: quote it"),
    ("no key", "? \n: x", "1:2: got no key, expected text as a key: quote it"),
    ("a list as key", "a:\n  ? [b]\n  : c", "2:5: a: got a list, expected text as a key"),
    ("a long scalar", f"a: {'x' * 10_001}", "1:4: a: 10001 characters, expected at most 10000"),
    (
        "a long number",
        f"a: [1, {'1' * 41}]",
        f"1:8: a[1]: got a number of 41 digits, expected at most 40 digits and "
        f"whole numbers from {-(2**62)} to {2**62}",
    ),
    ("a surrogate", 'a: "\\ud800"', "1:"),
    ("an impossible character", 'a: "\\U99999999"', "not valid YAML: "),
    ("bad syntax", "a: 1\nb: [", "not valid YAML: "),
    ("a colon in plain text", "a: b: c", "1:5: not valid YAML: mapping values are not allowed"),
    ("too deep", "a: " + "[" * 51, "1:53: nested deeper than 50 levels"),
    ("too wide", "a: [" + "x," * 100_000, "1:200001: a[99998]: more than 100000 values"),
    ("too large", b"#" * 1_000_001, "s.yaml: is larger than 1000000 bytes"),
]


@pytest.mark.parametrize("loader", [document.LOADER, yaml.SafeLoader], ids=["C", "Python"])
@pytest.mark.parametrize(
    ("content", "message"),
    [row[1:] for row in REFUSED_BY_THE_FORMAT],
    ids=[row[0] for row in REFUSED_BY_THE_FORMAT],
)
def test_what_the_format_refuses(
    file: Path, monkeypatch: pytest.MonkeyPatch, loader: object, content: str | bytes, message: str
) -> None:
    monkeypatch.setattr(document, "LOADER", loader)
    (found,) = refuse(file, content)
    expected = message if message.startswith(("s.yaml", "not")) else f"s.yaml:{message}"
    assert expected in found


def test_depth_fifty_is_allowed(file: Path) -> None:
    file.write_text("a: " + "[" * 49 + "]" * 49)
    assert load_document(file)


def test_all_format_errors_come_at_once(file: Path) -> None:
    messages = refuse(file, "a: &x 1\na: !t 2\nno: 3\nb: *x")
    assert [message.split(": ")[0] for message in messages] == [
        "s.yaml:1:4",
        "s.yaml:2:1",
        "s.yaml:2:4",
        "s.yaml:3:1",
        "s.yaml:4:4",
    ]


@pytest.mark.parametrize(
    ("name", "problem"),
    [("missing.yaml", "no such file"), (".", "is a folder or device"), ("a\0b", "cannot be read")],
)
def test_what_is_no_file_is_named(tmp_path: Path, name: str, problem: str) -> None:
    path = tmp_path / name
    with pytest.raises(InputErrors) as caught:
        load_document(path)
    (error,) = caught.value.errors
    assert str(error).startswith(f"{path}: {problem}")


def test_an_unreadable_file_is_named(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse_open(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    file.write_text("a: 1")
    monkeypatch.setattr(Path, "open", refuse_open)
    with pytest.raises(InputErrors, match=r"s\.yaml: cannot be read: Permission denied"):
        load_document(file)


HERE = Position("s.yaml", 3, 7)


def test_a_companion_lies_in_the_folder(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "calls.csv").write_text("")
    (tmp_path / "link.csv").symlink_to("sub/calls.csv")
    expected = (tmp_path / "sub" / "calls.csv").resolve()
    assert resolve_inside(tmp_path, "sub/calls.csv", HERE) == expected
    assert resolve_inside(tmp_path, "./link.csv", HERE) == expected


@pytest.mark.parametrize(
    "text",
    [
        "../x.csv",
        "sub/../x.csv",
        "/etc/passwd",
        "~/x.csv",
        "~root/x",
        "$HOME/x.csv",
        "${HOME}/x",
        "\\\\host\\share\\x",
        "//host/share/x",
        "C:x.csv",
        "C:/x.csv",
        "a\\b",
        "x\0.csv",
        "x\n",
        "",
        ".",
        "sub",
        "missing.csv",
        "out.csv",
        "outside/x.csv",
        "loop",
        "x" * 5_000,
        "x.csv/y",
    ],
)
def test_any_other_companion_is_refused_at_its_place(tmp_path: Path, text: str) -> None:
    folder = tmp_path / "scenario"
    (folder / "sub").mkdir(parents=True)
    (tmp_path / "x.csv").write_text("secret")
    (folder / "x.csv").write_text("")
    (folder / "out.csv").symlink_to(tmp_path / "x.csv")
    (folder / "outside").symlink_to(tmp_path)
    (folder / "loop").symlink_to("loop")
    with pytest.raises(InputError) as caught:
        resolve_inside(folder, text, HERE, "calls.file")
    assert str(caught.value).startswith("s.yaml:3:7: calls.file: ")


BOMBS = """
import re, sys, time
from pathlib import Path
from sim.core.errors import InputErrors
from sim.scenario.reader import load_document
aliases = "a0: &a0 [x,x]\\n" + "".join(f"a{i}: &a{i} [*a{i-1},*a{i-1}]\\n" for i in range(1, 30))
flow, block, maps = "[" * 200_000, "- " * 200_000, "{a: " * 200_000
wide = "a: [" + "x," * 400_000
keys = "".join(f"k{i}:\\n" for i in range(120_000))
Path(sys.argv[1]).write_text("a:\\n" + "- x\\n" * 90_000)
start = time.process_time()
load_document(Path(sys.argv[1]))
print(time.process_time() - start)
for bomb in (aliases, "a: &a [*a]", flow, block, maps, wide, keys, "\\t" * 900_000, "[{" * 99_999):
    Path(sys.argv[1]).write_text(bomb)
    start = time.process_time()
    try:
        load_document(Path(sys.argv[1]))
    except InputErrors:
        print(time.process_time() - start)
print(int(re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1]) / 1_000)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak of memory from /proc")
def test_a_bomb_costs_no_more_than_a_sound_file_of_its_size(file: Path) -> None:
    run = [sys.executable, "-c", BOMBS, str(file)]
    sound, *seconds, megabytes = map(float, subprocess.check_output(run, text=True).split())
    assert len(seconds) == 9
    assert max(seconds) < 5 * sound  # a ratio in one run; walking a bomb would take minutes
    assert megabytes < 100
