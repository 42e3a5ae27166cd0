from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from sim.core.errors import InputError
from sim.importers.ratings import compute_weights_ppm, load_labels, load_network

LINES = ["6,2,4,1289241911.72836", "6,5,-2,1289241941.5", "10,2,1,1289241900"]


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "edges.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def refuse(folder: Path, text: str | bytes, *, labels: bool = False) -> str:
    path = write(folder, text)
    with pytest.raises(InputError) as caught:
        load_labels(path) if labels else load_network(path)
    assert caught.value.exit_code == 2
    return str(caught.value).removeprefix(f"{path}:")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\n\n", "\r\n\r\n", ""])
def test_ratings_come_in_order_of_time_whatever_ends_a_line(end: str, tmp_path: Path) -> None:
    joint = "\r\n" if "\r" in end else "\n"
    network = load_network(write(tmp_path, joint.join(LINES) + end))
    assert network.users == ("2", "5", "6", "10")  # by number, not by spelling
    assert network.rater.tolist() == [3, 2, 2]
    assert network.ratee.tolist() == [0, 0, 1]
    assert network.rating_micro.tolist() == [1_000_000, 4_000_000, -2_000_000]
    assert network.time_us.tolist() == [
        1_289_241_900_000_000,
        1_289_241_911_728_360,
        1_289_241_941_500_000,
    ]


def test_equal_times_keep_the_order_of_the_file(tmp_path: Path) -> None:
    network = load_network(write(tmp_path, "b,c,1,5\na,c,2,5\nd,c,3,4\n"))
    assert network.rating_micro.tolist() == [3_000_000, 1_000_000, 2_000_000]
    assert network.users == ("a", "b", "c", "d")


def test_gzip_is_read_as_it_is(tmp_path: Path) -> None:
    packed = load_network(write(tmp_path, gzip.compress("\n".join(LINES).encode())))
    assert packed.users == load_network(write(tmp_path, "\n".join(LINES))).users


def test_the_largest_rating_is_one_whole_rating(tmp_path: Path) -> None:
    network = load_network(write(tmp_path, "1,2,-7,0\n2,1,3.5,0\n1,2,0.000001,1\n"))
    assert network.scale_micro == 7_000_000
    assert compute_weights_ppm(network).tolist() == [1_000_000, 500_000, 1]


def test_labelled_users_are_users(tmp_path: Path) -> None:
    network = load_network(write(tmp_path, "1,2,1,0"), {"9": 1, "2": -1})
    assert network.users == ("1", "2", "9")


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("6,2,4", "2: expected 4 fields, source,target,rating,time, got 3"),
        ("6,2,4,1,", "2: expected 4 fields, source,target,rating,time, got 5"),
        (",2,4,1", "2:1: source: expected a name of 1 to 200 characters, got ''"),
        ("6, ,4,1", "2:4: target: expected a name of 1 to 200 characters, got ''"),
        ("6,2\x1b,4,1", "2:3: target: expected a name of 1 to 200 characters, got '2\\x1b'"),
        ("6, 6,4,1", "2:4: target: '6' rates himself; expected somebody else"),
        ("6,2,0,1", "2:5: rating: expected a number other than 0"),
        ("6,2,-0.0,1", "2:5: rating: expected a number other than 0"),
        ("6,2,nan,1", "2:5: rating: expected a number other than 0"),
        ("6,2, inf,1", "2:6: rating: expected a number other than 0"),
        ("6,2,1e999999999,1", "2:5: rating: expected a number other than 0"),
        ("6,2,1e-999999999,1", "2:5: rating: expected a number other than 0"),
        ("6,2,1_0,1", "2:5: rating: expected a number other than 0"),
        ("6,2,\u0663,1", "2:5: rating: expected a number other than 0"),
        ("6,2,1000001,1", "2:5: rating: expected a number other than 0"),
        ("6,2,0.1234567,1", "2:5: rating: expected a number other than 0"),
        ("6,2,good,1", "2:5: rating: expected a number other than 0"),
        ("6,2,4,", "2:7: time: expected a number of seconds in 0..1000000000000, got ''"),
        ("6,2,4,-1", "2:7: time: expected a number of seconds"),
        ("6,2,4,1e13", "2:7: time: expected a number of seconds"),
        ("6,2,4,infinity", "2:7: time: expected a number of seconds"),
        ("\n6,2,4,1", "2: blank line; expected source,target,rating,time"),
    ],
)
def test_a_bad_line_is_refused_where_it_is(line: str, problem: str, tmp_path: Path) -> None:
    assert refuse(tmp_path, f"6,5,1,1\n{line}\n").startswith(problem)


def test_a_header_is_named_as_one(tmp_path: Path) -> None:
    said = refuse(tmp_path, "source,target,rating,time\n1,2,3,4\n")
    assert said.startswith("1:15: rating:")
    assert said.endswith("got 'rating'; the file has no header")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "the file is empty"),
        (b"\n", "the file is empty"),
        (b"\xef\xbb\xbf1,2,3,4\n", "byte order mark"),
        (b"1,2,\xff,4\n", "not UTF-8"),
    ],
)
def test_a_file_that_is_no_text_of_ratings(content: bytes, problem: str, tmp_path: Path) -> None:
    assert problem in refuse(tmp_path, content)


def test_labels_are_read_with_and_without_a_sign(tmp_path: Path) -> None:
    path = write(tmp_path, "215,+1\r\n132,1\r\nmallory, -1\r\n\r\n")
    assert load_labels(path) == {"215": 1, "132": 1, "mallory": -1}


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("7,0", "2:3: label: expected +1 (benign) or -1 (fraud), got '0'"),
        ("7,fraud", "2:3: label: expected +1 (benign) or -1 (fraud), got 'fraud'"),
        ("7", "2: expected 2 fields, user,label, got 1"),
        ("5,-1", "2: user: '5' is there twice"),
        (",1", "2:1: user: expected a name"),
    ],
)
def test_a_bad_label_is_refused_where_it_is(line: str, problem: str, tmp_path: Path) -> None:
    assert refuse(tmp_path, f"5,+1\n{line}\n", labels=True).startswith(problem)
