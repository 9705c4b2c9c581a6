"""Pictures: read by content, drawn anew, nothing kept of the file but what is seen, and refused with words otherwise."""

import io
import struct
import zlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from campaigns.designs import pictures
from campaigns.designs.pictures import NotAPicture, taken

HIDDEN = b"maria.alvarez@mail.example 42.3601 -71.0589"


def drawn(kind: str = "PNG", size: tuple[int, int] = (40, 20), **saved: Any) -> bytes:
    """A picture whose left half is red and whose right half is blue."""
    image = Image.new("RGB", size, "blue")
    image.paste(Image.new("RGB", (size[0] // 2, size[1]), "red"))
    out = io.BytesIO()
    image.save(out, kind, **saved)
    return out.getvalue()


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


@pytest.mark.parametrize(
    ("kind", "content_type"),
    [("PNG", "image/png"), ("GIF", "image/png"), ("JPEG", "image/jpeg"), ("WEBP", "image/jpeg")],
)
def test_what_mail_programs_show_is_taken(kind: str, content_type: str) -> None:
    made = taken([drawn(kind)])
    assert (made.content_type, made.width, made.height) == (content_type, 40, 20)
    assert opened(made.content).size == (40, 20)


def test_what_is_clear_stays_clear() -> None:
    out = io.BytesIO()
    Image.new("RGBA", (40, 20), (200, 0, 0, 90)).save(out, "WEBP", lossless=True)
    made = taken([out.getvalue()])
    assert (made.content_type, opened(made.content).mode) == ("image/png", "RGBA")


def test_a_photograph_is_set_upright_and_forgets_where_it_was_taken() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # lay the camera on its side
    exif[0x010E] = HIDDEN.decode()
    exif.get_ifd(0x8825)[1] = "N"
    source = drawn("JPEG", exif=exif, comment=HIDDEN, quality=95)
    assert HIDDEN in source
    made = taken([source])
    assert (made.width, made.height) == (20, 40)
    found = opened(made.content)
    assert not found.getexif()
    assert HIDDEN not in made.content
    red, _green, blue = found.convert("RGB").getpixel((10, 5))  # type: ignore[misc]
    assert red > blue


def test_it_is_at_most_1200_pixels_wide() -> None:
    made = taken([drawn("JPEG", (3000, 1000))])
    assert (made.width, made.height) == (1200, 400)


def test_what_else_a_file_is_does_not_come_along() -> None:
    """A polyglot: a picture to one reader, a page with a script to another."""
    script = b"<script>alert(1)</script>"
    for source in (drawn("GIF") + script, drawn("JPEG", comment=script), drawn("PNG") + script):
        assert script in source
        assert script not in taken([source]).content


def _bomb() -> bytes:
    """A PNG of a few bytes that says it is 30000 pixels wide and high."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    header = struct.pack(">IIBBBBB", 30000, 30000, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b""))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "no image"),
        (b"GIF89a", "no image"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "no image"),
        (b"<?xml version='1.0'?><svg/>", "no image"),
        (b"%PDF-1.7", "no image"),
        (drawn("BMP"), "no image"),
        (drawn("TIFF"), "no image"),
        (drawn("PNG")[:60], "damaged"),
        (_bomb(), "no image|40 million"),
        (drawn("GIF", (7000, 6000)), "40 million"),
    ],
)
def test_what_is_refused_and_why(content: bytes, why: str) -> None:
    with pytest.raises(NotAPicture, match=why):
        taken([content])


def test_the_size_is_counted_and_not_believed() -> None:
    read = []

    def chunks() -> Any:
        for number in range(100):
            read.append(number)
            yield bytes(1024 * 1024)

    with pytest.raises(NotAPicture, match="5 MB"):
        taken(chunks())
    assert len(read) == 6


@settings(max_examples=50, deadline=None)
@given(
    st.integers(0, 300), st.binary(min_size=1, max_size=8), st.sampled_from(["PNG", "JPEG", "GIF", "WEBP"])
)
def test_damaged_files_are_drawn_or_refused_and_raise_nothing_else(at: int, noise: bytes, kind: str) -> None:
    content = bytearray(drawn(kind))
    content[at : at + len(noise)] = noise
    try:
        made = taken([bytes(content)])
    except NotAPicture:
        return
    assert made.content_type in {"image/png", "image/jpeg"}


def test_our_own_pictures_are_small_and_open() -> None:
    for name in (pictures.HILLS, pictures.CLOCK, pictures.DOOR):
        content = pictures.shipped(name)
        assert content is not None
        assert len(content) < 40_000
        assert opened(content).size == (1104, 400)
    assert pictures.shipped("../pictures.py") is None
