"""Pictures that people upload: read as what they are, drawn anew, nothing of the file kept but what is seen. [BEHAVIOURS B6]"""

import io
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from django.utils.translation import gettext as _
from PIL import Image, ImageOps, UnidentifiedImageError

MAX_BYTES = 5 * 1024 * 1024
MAX_PIXELS = 40_000_000
WIDEST = 1200  # twice the column of a mail, for sharp screens
TYPES = ("image/png", "image/jpeg")
_READABLE = ("PNG", "JPEG", "GIF", "WEBP")

# Pictures that our starters show. Mails that were sent name them, so a file is never changed: a new one gets a new number.
_SHIPPED = Path(__file__).parent / "shipped"
HILLS, CLOCK, DOOR = (f"{number:032x}.png" for number in (1, 2, 3))


class NotAPicture(ValueError):
    """The file isn't taken; the message tells the person why and what to do."""


@dataclass(frozen=True, slots=True)
class Made:
    """A picture drawn anew: its bytes and type, and its size in pixels."""

    content: bytes
    content_type: str
    width: int
    height: int


def taken(chunks: Iterable[bytes]) -> Made:
    """Read an uploaded file and draw it anew: upright, at most 1200 pixels wide, without metadata.

    Raises NotAPicture for more than 5 MB (counted, not believed), for anything but PNG, JPEG, GIF and WebP by content (so for
    SVG, which is a program), for more than 40 million pixels, and for what can't be drawn. Of a moving picture the first one
    is taken. What else the file held, such as a page or a script behind the pixels, isn't drawn and so isn't kept.
    """
    content = bytearray()
    for chunk in chunks:
        content += chunk
        if len(content) > MAX_BYTES:
            raise NotAPicture(_("The file is larger than 5 MB. Make the image smaller and try again."))
    try:
        with warnings.catch_warnings():
            # Pillow warns of a bomb before it refuses one; our own limit is lower.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            return _drawn(bytes(content))
    except (UnidentifiedImageError, Image.DecompressionBombError):
        raise NotAPicture(
            _("This is no image that mail programs show. Use a PNG, JPEG, GIF or WebP file.")
        ) from None
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        if isinstance(error, NotAPicture):
            raise
        raise NotAPicture(
            _("The image is damaged and can't be read. Save it again and try once more.")
        ) from None


def shipped(name: str) -> bytes | None:
    """One of our starters' pictures, a PNG; None for any other name."""
    return (_SHIPPED / name).read_bytes() if name in {HILLS, CLOCK, DOOR} else None


def _drawn(content: bytes) -> Made:
    with Image.open(io.BytesIO(content), formats=_READABLE) as source:
        # The size stands in the header: a bomb is refused before it is unpacked.
        if source.width * source.height > MAX_PIXELS:
            raise NotAPicture(_("The image has more than 40 million pixels. Make it smaller and try again."))
        photograph = source.format in {"JPEG", "WEBP"}
        clear = source.has_transparency_data
        upright = ImageOps.exif_transpose(source)
        drawn = upright.convert("RGBA" if clear else "RGB")
    if drawn.width > WIDEST:
        drawn = drawn.resize((WIDEST, max(1, round(drawn.height * WIDEST / drawn.width))))
    # A new picture of the same pixels carries over no chunk, comment, profile or position of the old one.
    clean = Image.new(drawn.mode, drawn.size)
    clean.paste(drawn)
    out = io.BytesIO()
    if photograph and not clear:
        clean.save(out, "JPEG", quality=85, optimize=True)
        return Made(out.getvalue(), "image/jpeg", *clean.size)
    clean.save(out, "PNG", optimize=True)
    return Made(out.getvalue(), "image/png", *clean.size)
