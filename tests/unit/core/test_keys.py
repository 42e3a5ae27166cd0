import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.core import keys
from sim.core.keys import (
    SignatureScheme,
    create_keypair,
    derive_seed,
    is_admissible_key,
    is_signed_by,
    sign,
)

L = 2**252 + 27742317777372353535851937790883648493  # order of the base point
P = 2**255 - 19


def fill(first: str, middle: str, last: str) -> bytes:
    return bytes.fromhex(first + middle * 30 + last)


CANONICAL_SMALL = [
    fill("01", "00", "00"),
    fill("ec", "ff", "7f"),
    fill("00", "00", "00"),
    fill("00", "00", "80"),
    bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
    bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85"),
    bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
    bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa"),
]
NOT_CANONICAL_SMALL = [
    fill("01", "00", "80"),
    fill("ee", "ff", "7f"),
    fill("ee", "ff", "ff"),
    fill("ec", "ff", "ff"),
    fill("ed", "ff", "7f"),
    fill("ed", "ff", "ff"),
]
SMALL_ORDER = CANONICAL_SMALL + NOT_CANONICAL_SMALL
RFC_8032 = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555"
        "fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da0"
        "85ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
]
PAIR = create_keypair(derive_seed("baseline", 1, 0))
MESSAGE = b"transfer 5 to 7"
SIGNATURE = sign(PAIR.secret, MESSAGE)


def add_points(a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int]:
    (x1, y1), (x2, y2) = a, b
    product = -121665 * pow(121666, -1, P) * x1 * x2 * y1 * y2
    x = (x1 * y2 + x2 * y1) * pow(1 + product, -1, P) % P
    return x, (y1 * y2 + x1 * x2) * pow(1 - product, -1, P) % P


def decode_point(encoded: bytes) -> tuple[int, int]:
    number = int.from_bytes(encoded, "little")
    y, sign_bit = number % 2**255, number >> 255
    square = (y * y - 1) * pow(-121665 * pow(121666, -1, P) * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * pow(2, (P - 1) // 4, P) % P
    return (x if x & 1 == sign_bit else -x % P), y


def encode_point(point: tuple[int, int]) -> bytes:
    return (point[1] | (point[0] & 1) << 255).to_bytes(32, "little")


def flip_last_bit(content: bytes) -> bytes:
    return content[:-1] + bytes([content[-1] ^ 1])


@pytest.mark.parametrize(("seed", "public", "message", "signature"), RFC_8032)
def test_keys_and_signatures_are_those_of_rfc_8032(
    seed: str, public: str, message: str, signature: str
) -> None:
    pair = create_keypair(bytes.fromhex(seed))
    signed = sign(pair.secret, bytes.fromhex(message))
    assert (pair.public.hex(), signed.hex()) == (public, signature)


@pytest.mark.parametrize(("seed", "public", "message", "signature"), RFC_8032)
def test_signatures_of_rfc_8032_verify(
    seed: str, public: str, message: str, signature: str
) -> None:
    assert is_signed_by(*(bytes.fromhex(text) for text in (public, message, signature)))


@pytest.mark.parametrize("public", SMALL_ORDER, ids=bytes.hex)
def test_a_key_of_small_order_is_not_admissible(public: bytes) -> None:
    assert not is_admissible_key(public)


@pytest.mark.parametrize("public", SMALL_ORDER, ids=bytes.hex)
def test_a_constant_signature_verifies_under_no_key_of_small_order(public: bytes) -> None:
    constant = b"\x01" + bytes(63)
    assert not any(is_signed_by(public, bytes([i]), constant) for i in range(64))


@pytest.mark.parametrize("excess", range(19))
@pytest.mark.parametrize("sign_bit", [0, 1])
def test_a_key_with_y_of_p_or_more_is_not_admissible(excess: int, sign_bit: int) -> None:
    assert not is_admissible_key((P + excess | sign_bit << 255).to_bytes(32, "little"))


@pytest.mark.parametrize("torsion", CANONICAL_SMALL[1:], ids=bytes.hex)
def test_a_key_of_mixed_order_is_not_admissible(torsion: bytes) -> None:
    mixed = encode_point(add_points(decode_point(PAIR.public), decode_point(torsion)))
    assert not is_admissible_key(mixed)


def test_a_sum_within_the_prime_order_group_is_admissible() -> None:
    point = decode_point(PAIR.public)
    assert is_admissible_key(encode_point(add_points(point, point)))


def test_a_point_off_the_curve_is_not_admissible() -> None:
    assert not is_admissible_key((2).to_bytes(32, "little"))


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_a_key_of_another_length_is_not_admissible(length: int) -> None:
    assert not is_admissible_key((PAIR.public * 2)[:length])


def test_derived_keys_are_admissible() -> None:
    publics = [create_keypair(derive_seed("baseline", i, 0)).public for i in range(200)]
    assert all(is_admissible_key(public) for public in publics)


def test_s_plus_l_is_refused() -> None:
    shifted = int.from_bytes(SIGNATURE[32:], "little") + L
    assert not is_signed_by(PAIR.public, MESSAGE, SIGNATURE[:32] + shifted.to_bytes(32, "little"))


def test_a_signature_verifies() -> None:
    assert is_signed_by(PAIR.public, MESSAGE, SIGNATURE)


@pytest.mark.parametrize(
    ("public", "message", "signature"),
    [
        (PAIR.public, MESSAGE, flip_last_bit(SIGNATURE[:32]) + SIGNATURE[32:]),
        (PAIR.public, MESSAGE, flip_last_bit(SIGNATURE)),
        (flip_last_bit(PAIR.public), MESSAGE, SIGNATURE),
        (PAIR.public, flip_last_bit(MESSAGE), SIGNATURE),
        (PAIR.public, b"", SIGNATURE),
    ],
    ids=["R", "S", "key", "message", "no message"],
)
def test_one_changed_bit_is_refused(public: bytes, message: bytes, signature: bytes) -> None:
    assert not is_signed_by(public, message, signature)


@pytest.mark.parametrize(
    "signature",
    [SIGNATURE[:63], SIGNATURE + b"\x00", b"", bytes(64)],
    ids=["63 bytes", "65 bytes", "empty", "zero"],
)
def test_a_malformed_signature_is_refused(signature: bytes) -> None:
    assert not is_signed_by(PAIR.public, MESSAGE, signature)


@pytest.mark.parametrize("cut", [63, 65])
def test_no_byte_moves_between_signature_and_message(cut: int) -> None:
    joined = SIGNATURE + MESSAGE
    assert not is_signed_by(PAIR.public, joined[cut:], joined[:cut])


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_signature_under_a_key_of_another_length_is_refused(length: int) -> None:
    assert not is_signed_by((PAIR.public * 2)[:length], MESSAGE, SIGNATURE)


@given(st.binary(max_size=70), st.binary(max_size=40), st.binary(max_size=70))
def test_no_bytes_make_verification_raise(public: bytes, message: bytes, signature: bytes) -> None:
    assert not is_signed_by(public, message, signature)


@given(st.binary(max_size=40))
def test_no_bytes_make_admission_raise(public: bytes) -> None:
    assert is_admissible_key(public) in {True, False}


def test_every_part_of_a_derivation_changes_the_seed() -> None:
    names = [("a", 1, 0), ("b", 1, 0), ("a", 2, 0), ("a", 1, 1), ("a", 0, 1)]
    assert len({derive_seed(*name) for name in names}) == len(names)


def test_a_derived_seed_is_pinned() -> None:
    assert derive_seed("baseline", 1, 0)[:8].hex() == "563de610c4f01479"


def test_a_seed_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes, not 31"):
        create_keypair(bytes(31))


def test_a_secret_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="64 bytes, not 32"):
        sign(bytes(32), MESSAGE)


def test_the_module_is_a_signature_scheme() -> None:
    scheme: SignatureScheme = keys
    assert scheme.is_signed_by(PAIR.public, MESSAGE, scheme.sign(PAIR.secret, MESSAGE))
