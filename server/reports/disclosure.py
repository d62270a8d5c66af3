"""``disclosure.md``: how the assembly was held, under AAPOR's headings, filled from the log.

Source: AAPOR's disclosure elements (2021), for people who chose themselves; and what a model did.
"""

from __future__ import annotations

from . import document as d
from . import report
from .material import Material

NAME = "disclosure"


def files(material: Material) -> dict[str, bytes]:
    """Return the one file."""
    found = report.build(material)
    lines = [f"# Disclosure: {_plain(found.assembly.title)}", ""]
    for title, text in _elements(found):
        lines += [f"## {title}", text, ""]
    return {"disclosure.md": "\n".join(lines).encode()}


def _elements(r: d.ValueReport) -> tuple[tuple[str, str], ...]:
    part, charter = r.participation, r.assembly.charter
    days = [step.day for step in r.steps]
    when = f"{days[0]} to {days[-1]}" if days else r.made_on
    convener = _plain(charter.convener) or "not said in the charter"
    weighting = (
        "Nothing is counted while voting is open."
        if r.phase in ("draft", "open")
        else "Raw shares. Where the program put a statement to at least ten people, shares "
        "weighted by the inverse of each showing's probability stand beside them."
    )
    sponsors = ", ".join(f"{n} {role}(s)" for role, n in part.running.items()) or "the operator"
    return (
        (
            "1. Data collection",
            (
                "An online assembly: participants write statements, vote agree, disagree or pass "
                "on each other's, rank drafts and ratify clauses."
            ),
        ),
        (
            "2. Who sponsored and who conducted it",
            (
                f"Convened by: {convener}. "
                f"Recipient: {_plain(charter.recipient) or 'not said in the charter'}. "
                f"Run by: {sponsors}."
            ),
        ),
        (
            "3. Instruments",
            (
                f"The question as it was put: {_plain(r.assembly.question)}\n\nThe statements, as "
                "they were put, are in `report.json` and `data/polis/comments.csv`."
            ),
        ),
        ("4. Population under study", "Those who took part, and nobody else."),
        (
            "5. How participants were recruited",
            (
                "They joined by an invite, and chose themselves; "
                f"{part.imported} were imported from another conversation, {part.simulated} are "
                "simulated by a program."
            ),
        ),
        (
            "6. Mode and languages",
            (
                "Web pages; statements in the language their author chose. "
                f"Language of the assembly: {_plain(r.assembly.language)}."
            ),
        ),
        ("7. Dates", f"{when} (UTC)."),
        (
            "8. Sample size and precision",
            (
                f"{part.admitted} admitted, {part.voters} voted, {part.votes} votes on "
                f"{part.statements} statements. People chose themselves: there is no margin of "
                "error. Intervals in the report are of shares among those who took part."
            ),
        ),
        ("9. Weighting", weighting),
        (
            "10. Data processing and quality",
            (
                f"{r.moderation.rejected} statements stand moderated out by published rules, "
                f"{r.moderation.waiting} were not looked at. Bursts, copies and straight-line "
                "votes were not searched for."
            ),
        ),
        ("11. Limitations", "See “Limits” in `report.html`. " + " ".join(r.missing)),
        ("What a model did and where", _models(r)),
    )


def _models(r: d.ValueReport) -> str:
    told = [
        f"- round {each.round}, {draft.id}: drafted by "
        + (f"the model {_plain(draft.model)}" if draft.model else "code, without a language model")
        + (f"; prompt SHA-256 {draft.prompt_sha256}" if draft.prompt_sha256 else "")
        + (f"; support judged by {_plain(draft.entailer)}" if draft.entailer else "")
        for each in r.rounds
        for draft in each.drafts
        if draft.maker is not None
    ]
    if r.themes:
        told.append(f"- themes: found with the embedder {_plain(r.themes.embedder)}")
    return "\n".join(told) if told else "Nothing so far."


def _plain(text: str) -> str:
    """Return text on one line in which nothing is Markdown or HTML."""
    escaped = "".join(f"\\{ch}" if ch in "\\`*_{}[]()<>#+-!|~" else ch for ch in text)
    return " ".join(escaped.replace("&", "&amp;").split())
