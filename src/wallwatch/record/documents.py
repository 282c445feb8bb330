"""Documents as text: plain text, HTML, PDF and WARC, told apart by content, within limits.

The bytes are kept as they came; the text that is made of them here is what places in it refer to. What a document
says is data: nothing in it is run, fetched or followed.
"""

from __future__ import annotations

import hashlib
import io
import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from wallwatch._errors import WallwatchError

#: No document is larger, in bytes.
MOST_BYTES: Final = 50 << 20
#: No text is longer, in characters.
MOST_CHARACTERS: Final = 2_000_000
#: No PDF has more pages read.
MOST_PAGES: Final = 2_000
#: No more bytes come out of a WARC's compressed records.
MOST_UNPACKED: Final = 200 << 20
_MOST_RECORDS: Final = 20_000

_UNWANTED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_HTML = re.compile(rb"<(?:!doctype\s+html|html|head|body|article|p|div)\b", re.IGNORECASE)
_TITLE = re.compile(r"<title[^>]{0,200}>([^<]{1,500})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Document:
    r"""A document that was read.

    Attributes:
        sha256: Of its bytes.
        media_type: `text/plain`, `text/html`, `application/pdf` or `application/warc`.
        text: Its text; line ends are `\\n`, and for plain text nothing else is changed.
        url: Where it was published, where the document itself says so.
        date: Its date (ISO 8601, a day), where the document itself says so.
        title: Its title, where it says so.
        site: Who published it, where it says so.
    """

    sha256: str
    media_type: str
    text: str
    url: str = ""
    date: str = ""
    title: str = ""
    site: str = ""

    @property
    def text_sha256(self) -> str:
        """SHA-256 of the text in UTF-8."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def read(content: bytes, name: str = "") -> Document:
    """The document in these bytes.

    Args:
        content: The bytes, as they came.
        name: What messages call it.

    Raises:
        WallwatchError: It is too large, of no kind that is read here, or damaged.
    """
    if len(content) > MOST_BYTES:
        raise WallwatchError(f"{name or 'the document'} is larger than {MOST_BYTES >> 20} MiB")
    if not content.strip():
        raise WallwatchError(f"{name or 'the document'} is empty")
    sha256 = hashlib.sha256(content).hexdigest()
    if content[:5] == b"%PDF-":
        return _pdf(content, sha256, name)
    if content[:5] == b"WARC/" or (content[:2] == b"\x1f\x8b" and _is_warc(content)):
        return _warc(content, sha256, name)
    if content[:2] == b"\x1f\x8b" or content[:4] in (b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"\x89PNG"):
        raise WallwatchError(f"{name or 'the document'} is neither text, HTML, PDF nor WARC")
    if _HTML.search(content[:4096]):
        return _html(content, sha256, name)
    text = _decoded(content)
    if text.count("\x00") > len(text) // 100:
        raise WallwatchError(f"{name or 'the document'} is binary: neither text, HTML, PDF nor WARC")
    return Document(sha256, "text/plain", _limited(text, name))


def _limited(text: str, name: str) -> str:
    if len(text) > MOST_CHARACTERS:
        raise WallwatchError(
            f"the text of {name or 'the document'} is longer than {MOST_CHARACTERS:,} characters"
        )
    return text


def _decoded(content: bytes) -> str:
    """Text of the encoding that its first bytes tell, UTF-8 else, Windows-1252 where it is not UTF-8."""
    for mark, encoding in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if content.startswith(mark):
            return content.decode(encoding, "replace")
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def _cleaned(text: str) -> str:
    r"""Text that a converter made: line ends as `\\n`, no controls, composed characters."""
    text = re.sub(r"\r\n?|\u2028|\u2029|\x0b|\x0c", "\n", text)
    return unicodedata.normalize("NFC", _UNWANTED.sub("", text))


def _html(content: bytes, sha256: str, name: str) -> Document:
    try:
        import trafilatura
        from trafilatura.settings import DEFAULT_CONFIG
    except ImportError:
        raise WallwatchError("HTML needs the extra `record`: pip install 'wallwatch[record]'") from None
    page = _decoded_html(content)
    if len(page) > 4 * MOST_CHARACTERS:
        raise WallwatchError(f"{name or 'the page'} is longer than {4 * MOST_CHARACTERS:,} characters")
    try:
        found = trafilatura.bare_extraction(
            page, include_comments=False, include_tables=True, with_metadata=True, config=DEFAULT_CONFIG
        )
    except (ValueError, TypeError, RecursionError, AssertionError) as error:
        raise WallwatchError(f"{name or 'the page'} cannot be read as HTML: {error}") from error
    fields = found.as_dict() if found is not None and hasattr(found, "as_dict") else {}
    text = str(fields.get("text") or "")
    if not text.strip():
        text = re.sub(
            r"<(script|style)\b.*?</\1\s*>", " ", page[:MOST_CHARACTERS], flags=re.IGNORECASE | re.DOTALL
        )
        text = re.sub(r"\s*\n\s*", "\n", re.sub(r"<[^>]{0,2000}>", " ", text))
    title = str(fields.get("title") or "") or (
        match[1].strip() if (match := _TITLE.search(page[:20_000])) else ""
    )
    if title and not text.lstrip().startswith(title):
        text = f"{title}\n\n{text}"
    return Document(
        sha256,
        "text/html",
        _limited(_cleaned(text), name),
        url=_line(fields.get("url")),
        date=_day(fields.get("date")),
        title=_line(title),
        site=_line(fields.get("sitename")),
    )


def _decoded_html(content: bytes) -> str:
    declared = re.search(rb"charset=[\"']?([\w-]{2,40})", content[:2048])
    if declared and not content.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        try:
            return content.decode(declared[1].decode("ascii"), "replace")
        except LookupError:
            pass
    return _decoded(content)


def _line(value: object) -> str:
    return " ".join(str(value or "").split())[:500]


def _day(value: object) -> str:
    match = re.match(r"\d{4}-\d{2}-\d{2}", str(value or ""))
    return match[0] if match else ""


def _pdf(content: bytes, sha256: str, name: str) -> Document:
    try:
        import pypdf
        from pypdf.errors import PyPdfError
    except ImportError:
        raise WallwatchError("PDF needs the extra `record`: pip install 'wallwatch[record]'") from None
    parts: list[str] = []
    length = 0
    try:
        reader = pypdf.PdfReader(io.BytesIO(content), strict=False)
        if reader.is_encrypted:
            reader.decrypt("")
        if len(reader.pages) > MOST_PAGES:
            raise WallwatchError(f"{name or 'the PDF'} has more than {MOST_PAGES:,} pages")
        for page in reader.pages:
            parts.append(page.extract_text() or "")
            length += len(parts[-1])
            if length > MOST_CHARACTERS:
                raise WallwatchError(
                    f"the text of {name or 'the PDF'} is longer than {MOST_CHARACTERS:,} characters"
                )
        metadata = reader.metadata
        title = _line(metadata.title if metadata else "")
    except (
        PyPdfError,
        ValueError,
        KeyError,
        TypeError,
        IndexError,
        AttributeError,
        RecursionError,
        OSError,
        NotImplementedError,
        AssertionError,
        OverflowError,
        MemoryError,
    ) as error:
        raise WallwatchError(f"{name or 'the PDF'} cannot be read: {str(error)[:200]}") from error
    text = _rejoined(_cleaned("\n\n".join(parts)))
    if not text.strip():
        raise WallwatchError(f"{name or 'the PDF'} holds no text: a scan has to be read out by a person")
    return Document(sha256, "application/pdf", text, title=title)


def _rejoined(text: str) -> str:
    """Lines of a paragraph put together; a word that was divided at a line's end is one again."""
    text = re.sub(r"(?<=[a-z])-\n(?=[a-z])", "", text)
    text = re.sub(r"(?<![.!?:”\"»\n])[ \t]*\n[ \t]*(?=[^\s•–—>-])", " ", text)
    return re.sub(r"[ \t]{2,}", " ", text)


def _is_warc(content: bytes) -> bool:
    import zlib

    try:
        return zlib.decompressobj(31).decompress(content[:4096], 16)[:5] == b"WARC/"
    except zlib.error:
        return False


def _check_unpacked(content: bytes, name: str) -> None:
    """Raises where compressed records hold more than is read, before anything is made of them (trap X2)."""
    import zlib

    total, rest = 0, content
    while rest[:2] == b"\x1f\x8b":
        member = zlib.decompressobj(31)
        try:
            piece = member.decompress(rest, 1 << 20)
            while piece:
                total += len(piece)
                if total > MOST_UNPACKED:
                    raise WallwatchError(f"{name or 'the WARC'} unpacks to more than is read")
                piece = b"" if member.eof else member.decompress(member.unconsumed_tail, 1 << 20)
        except zlib.error as error:
            raise WallwatchError(f"{name or 'the WARC'} cannot be read: {error}") from error
        rest = member.unused_data


def _warc(content: bytes, sha256: str, name: str) -> Document:
    """The first page in the archive that has text: HTML before plain text."""
    try:
        from warcio.archiveiterator import ArchiveIterator
        from warcio.exceptions import ArchiveLoadFailed
    except ImportError:
        raise WallwatchError("WARC needs the extra `record`: pip install 'wallwatch[record]'") from None
    _check_unpacked(content, name)
    left = MOST_UNPACKED
    plain: Document | None = None
    try:
        for number, record in enumerate(ArchiveIterator(io.BytesIO(content))):
            if number >= _MOST_RECORDS:
                break
            if record.rec_type not in ("response", "resource"):
                continue
            body = record.content_stream().read(min(left, MOST_BYTES) + 1)
            left -= len(body)
            if left < 0 or len(body) > MOST_BYTES:
                raise WallwatchError(f"{name or 'the WARC'} unpacks to more than is read")
            headers = record.http_headers
            kind = (
                headers.get_header("Content-Type")
                if headers
                else record.rec_headers.get_header("Content-Type")
            ) or ""
            status = headers.get_statuscode() if headers else "200"
            url = _line(record.rec_headers.get_header("WARC-Target-URI"))
            day = _day(record.rec_headers.get_header("WARC-Date"))
            if not status.startswith("2") or not body.strip():
                continue
            if "html" in kind or _HTML.search(body[:4096]):
                page = _html(body, sha256, name)
                return Document(
                    sha256,
                    "application/warc",
                    page.text,
                    page.url or url,
                    page.date or day,
                    page.title,
                    page.site,
                )
            if plain is None and kind.startswith("text/plain"):
                text = _limited(_cleaned(_decoded(body)), name)
                plain = Document(sha256, "application/warc", text, url, day)
    except (ArchiveLoadFailed, ValueError, OSError, EOFError, AttributeError, TypeError) as error:
        raise WallwatchError(f"{name or 'the WARC'} cannot be read: {str(error)[:200]}") from error
    if plain is None:
        raise WallwatchError(f"{name or 'the WARC'} holds no page with text")
    return plain
