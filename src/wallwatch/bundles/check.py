"""Verifying a bundle: its container, its manifests, its signature, its time stamp, and then the claim itself."""

from __future__ import annotations

import json
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from wallwatch import __version__
from wallwatch._errors import WallwatchError
from wallwatch._progress import Progress, Silent
from wallwatch._text import safe_text
from wallwatch.bundles.compare import compare
from wallwatch.bundles.lines import RAW
from wallwatch.bundles.rebuild import REFERENCES, rebuilt
from wallwatch.evidence import bag, onefile, signing, stamping
from wallwatch.judge import RULE_SET
from wallwatch.pipeline import program
from wallwatch.show import iso

#: A larger claim is none.
_LARGEST_CLAIM = 16 << 20


@dataclass(slots=True)
class Report:
    """What verifying found.

    Attributes:
        heading: What the bundle says it is about.
        passed: What holds, in sentences.
        open: What could not be settled, in sentences.
        failed: What does not hold, in sentences that name the file.
        follows: Whether the claim follows from the enclosed lines; null where it came not that far.
        differs: What is not the same when made again, though the claim follows.
        signed_by: Fingerprint of the key that signed it.
        stamped: When a time-stamp authority saw it.
    """

    heading: str = ""
    passed: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    follows: bool | None = None
    differs: list[str] = field(default_factory=list)
    signed_by: str | None = None
    stamped: str | None = None

    @property
    def holds(self) -> bool:
        """Whether nothing failed, and the claim follows."""
        return not self.failed and bool(self.follows)

    def as_record(self) -> dict[str, Any]:
        """As a record for scripts."""
        return {
            "verified": self.holds,
            "heading": self.heading,
            "passed": self.passed,
            "open": self.open,
            "failed": self.failed,
            "follows": self.follows,
            "differs": self.differs,
            "signed_by": self.signed_by,
            "time_stamp": self.stamped,
        }

    def in_words(self) -> list[str]:
        """In lines for people."""
        lines = [f"Evidence: {self.heading}"] if self.heading else []
        lines += [f"  holds   {sentence}" for sentence in self.passed]
        lines += [f"  differs {sentence}" for sentence in self.differs]
        lines += [f"  open    {sentence}" for sentence in self.open]
        lines += [f"  FAILS   {sentence}" for sentence in self.failed]
        lines.append("VERIFIED" if self.holds else "NOT VERIFIED")
        return lines


def verify(
    path: Path,
    *,
    signers: Path | None = None,
    authorities: Path | None = None,
    limits: onefile.Limits | None = None,
    progress: Progress | None = None,
) -> Report:
    """Verifies a bundle: the zip file, or its unpacked folder.

    Args:
        path: The file or folder.
        signers: Keys that the reader trusts (`man ssh-keygen`, ALLOWED SIGNERS), or one public key.
        authorities: Certificates (PEM) of time-stamp authorities that the reader trusts.
        limits: What it may ask of disk and time.
        progress: Hears how far it is.

    Raises:
        WallwatchError: A file is missing, or a tool that is needed.
    """
    progress = progress or Silent()
    report = Report()
    for needed in (path, signers, authorities):
        if needed is not None and not needed.exists():
            raise WallwatchError(f"{needed} does not exist")
    with ExitStack() as stack:
        folder = path
        if not path.is_dir():
            progress.stage("Unpacking")
            temporary = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="wallwatch-")))
            try:
                folder = onefile.unpack(path, temporary, limits)
            except onefile.RefusedError as error:
                report.failed.append(f"refused: {error}")
                return report
            except OSError as error:
                raise WallwatchError(
                    f"{path} cannot be unpacked: {error.strerror or error}", status=1
                ) from error
        progress.stage("Comparing with the manifests")
        checked = bag.check(folder)
        report.failed += [safe_text(sentence, 500) for sentence in checked.wrong]
        if not checked.wrong:
            report.passed.append(
                f"all {checked.files:,} files are those of the manifests, unchanged; there is no other"
            )
        _signature(folder, signers, report)
        _stamp(folder, authorities, report)
        if not report.failed:
            _claim(folder, report, progress)
    return report


def _signature(folder: Path, signers: Path | None, report: Report) -> None:
    signature, signed = folder / bag.SIGNATURE, folder / bag.TAG_MANIFEST
    enclosed = folder / signing.SIGNERS
    if not signature.is_file() or signature.is_symlink():
        if signers is not None:
            report.failed.append(f"it is not signed: {bag.SIGNATURE} is missing")
        elif enclosed.exists():
            report.failed.append(
                f"missing: {bag.SIGNATURE}, though {signing.SIGNERS} says that it was signed"
            )
        else:
            report.open.append("it is not signed: nobody vouches for it by a key")
        return
    if not signed.is_file():
        return  # said before
    key = signing.signing_key(signature.read_bytes()[: 1 << 20])
    with tempfile.TemporaryDirectory(prefix="wallwatch-") as temporary:
        trusted = enclosed
        if signers is not None:
            trusted = _allowed(signers, Path(temporary))
        if not trusted.is_file():
            report.failed.append(f"missing: {signing.SIGNERS}; name trusted keys with --signers")
            return
        why = signing.verify(signed.read_bytes(), signature, trusted)
        if why is None and signers is not None and enclosed.is_file():
            why = signing.verify(signed.read_bytes(), signature, enclosed)
    if why is not None:
        report.failed.append(f"signature ({bag.SIGNATURE}): {safe_text(why, 400)}")
        return
    report.signed_by = key.fingerprint if key else None
    if signers is not None:
        report.passed.append(f"signed by a key that you trust: {report.signed_by}")
    else:
        report.passed.append(f"signed by the key {report.signed_by}")
        report.open.append(
            "whose key that is: compare its fingerprint with one that the signer gave you, or name trusted keys with "
            "--signers"
        )


def _allowed(signers: Path, temporary: Path) -> Path:
    """A list of signers; a bare public key counts for any signature made for evidence."""
    text = signers.read_text(encoding="utf-8", errors="replace")
    if not text.lstrip().startswith(("ssh-", "ecdsa-", "sk-")):
        return signers
    keys = [signing.Key.of(line) for line in text.splitlines() if line.strip() and not line.startswith("#")]
    listed = temporary / "signers"
    listed.write_text("".join(signing.signers(key) for key in keys), encoding="utf-8")
    return listed


def _stamp(folder: Path, authorities: Path | None, report: Report) -> None:
    pairs = ((bag.STAMP_OF_SIGNATURE, bag.SIGNATURE), (bag.STAMP_OF_MANIFEST, bag.TAG_MANIFEST))
    found = [(stamp, of) for stamp, of in pairs if (folder / stamp).is_file() and (folder / of).is_file()]
    if not found:
        if authorities is not None:
            report.failed.append("it has no time stamp")
        return
    for stamp, of in found:
        told = stamping.check(folder / stamp, folder / of, authorities)
        if told.problem is not None:
            report.failed.append(f"time stamp ({stamp}): {safe_text(told.problem, 400)}")
            continue
        report.stamped = iso(told.time)
        whose = "an authority that you trust" if told.trusted else "an authority"
        report.passed.append(f"{whose} saw {of} at {report.stamped}")
        if not told.trusted:
            report.open.append(
                "whose time stamp that is: name the authority's certificates with --authorities"
            )


def _claim(folder: Path, report: Report, progress: Progress) -> None:
    """Judges the enclosed lines again and compares."""
    payload = folder / "data"
    try:
        path = payload / "claim.json"
        if path.stat().st_size > _LARGEST_CLAIM:
            raise ValueError("too large")
        claim = json.loads(path.read_bytes())
        kind, record, moment = claim["kind"], claim["claim"], datetime.fromisoformat(claim["as_of"])
        report.heading = safe_text(claim["heading"], 300)
        if (
            kind not in ("event", "outage", "verdict")
            or not isinstance(record, dict)
            or moment.tzinfo is None
        ):
            raise ValueError("of an unknown form")
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        report.failed.append(f"data/claim.json cannot be read: {safe_text(error, 200)}")
        return
    if not (payload / RAW).is_dir():
        report.failed.append(f"missing: data/{RAW}: there are no raw lines")
        return
    if (claim.get("rule_set"), claim.get("program")) != (RULE_SET, program()):
        report.open.append(
            f"it was made by rules {safe_text(claim.get('rule_set'), 20)} and program "
            f"{safe_text(claim.get('program'), 20)} of Wallwatch {safe_text(claim.get('wallwatch'), 20)}; here they are "
            f"{RULE_SET} and {program()} of {__version__}, and may judge otherwise"
        )
    try:
        with rebuilt(payload / RAW, payload / REFERENCES, moment, progress) as again:
            outcome = compare(again.con, kind, record)
            if again.set_aside:
                outcome.differs.append(f"{again.set_aside:,} enclosed lines cannot be read")
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        report.failed.append(f"data/claim.json is not of the form of this version: {safe_text(error, 200)}")
        return
    except WallwatchError as error:
        report.failed.append(f"the enclosed lines cannot be judged again: {safe_text(error, 300)}")
        return
    report.follows = outcome.follows
    report.differs += [safe_text(sentence, 400) for sentence in outcome.differs]
    if outcome.follows:
        report.passed.append("the claim follows from the enclosed lines, judged again here")
    else:
        report.failed += [
            f"the claim does not follow: {safe_text(sentence, 400)}" for sentence in outcome.broken
        ]
