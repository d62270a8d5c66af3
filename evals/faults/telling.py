"""A report in words."""

from __future__ import annotations

from collections.abc import Sequence

from .chaos import Report, Told
from .rolling import Rolled


def told(report: Report) -> str:
    """Return what a run brought, line by line."""
    lines = [
        (
            f"seed {report.plan.seed}: {report.plan.seconds:.0f} s, {report.plan.people} people, "
            f"{len(report.faults)} faults ({report.seconds:.0f} s in all)"
        ),
        *(_line(each) for each in report.faults),
        (
            f"  {report.acknowledged} commands acknowledged, {report.refused} refused; "
            f"{report.events} events; {report.repeated} repeated under their keys"
        ),
        (
            f"  {report.requests} requests for drafts: {report.proposed} brought drafts, "
            f"{report.failed} a reason; {report.paid} drafts paid for"
        ),
        f"  {report.pictures} clients ended in the servers' state",
        (
            f"  the longest time without a receipt: {report.silence[1]:.1f} s, "
            f"from {report.silence[0]:.1f} s on"
        ),
        "  after the last fault: "
        + ", ".join(f"{what} in {_seconds(after)}" for what, after in report.calm.items()),
        *(f"  {count} × {what}" for what, count in report.counts.items()),
    ]
    if report.holds:
        lines.append("  nothing was lost")
    else:
        lines += ["  FAILED:", *(f"    {each}" for each in report.lost)]
    return "\n".join(lines)


def summary(reports: Sequence[Report]) -> str:
    """Return what several runs brought together."""
    acks = [
        after
        for report in reports
        for each in report.faults
        for after in each.recovery.acknowledged.values()
        if after is not None
    ]
    sockets = [
        each.recovery.sockets
        for report in reports
        for each in report.faults
        if each.recovery.sockets is not None
    ]
    broken = [report.plan.seed for report in reports if not report.holds]
    return "\n".join(
        (
            (
                f"{len(reports)} runs, {sum(len(r.faults) for r in reports)} faults, "
                f"{sum(r.acknowledged for r in reports)} commands acknowledged, "
                f"{sum(r.requests for r in reports)} requests for drafts"
            ),
            f"from a fault's end to a server's next receipt: {_spread(acks)}",
            f"from a fault's end to every socket: {_spread(sockets)}",
            f"failed: seeds {broken}" if broken else "nothing was lost in any of them",
        )
    )


def told_of(rolled: Rolled) -> str:
    """Return what a rolling restart brought, line by line."""
    lines = [
        f"{turn.server}: ended with {turn.code} after {turn.ended:.1f} s, ready again after "
        f"{turn.back:.1f} s"
        for turn in rolled.turns
    ]
    lines.append(
        f"{rolled.people} people: {rolled.acknowledged} commands acknowledged, "
        f"{rolled.put_off} put off and carried by the next try, "
        f"{rolled.unanswered} sent again for want of an answer"
    )
    lines.append(
        f"{len(rolled.delays)} sockets came back: {_spread(rolled.delays)}; "
        f"allowed {rolled.longest_allowed:.1f} s"
    )
    lines += [f"  {count} × {what}" for what, count in rolled.counts.items()]
    lines += ["nothing was lost"] if rolled.holds else ["FAILED:", *rolled.lost]
    return "\n".join(lines)


def _line(each: Told) -> str:
    happened = each.happened
    hit = f", {happened.hit} connections" if happened.hit >= 0 else ""
    acks = " ".join(_seconds(after) for after in each.recovery.acknowledged.values())
    return (
        f"  {happened.begun:5.1f}–{happened.ended:5.1f} s  {happened.fault.kind} "
        f"{happened.fault.target}{hit}: receipts after {acks}, "
        f"sockets after {_seconds(each.recovery.sockets)}"
    )


def _seconds(value: float | None) -> str:
    return "never" if value is None else f"{value:.1f} s"


def _spread(values: Sequence[float]) -> str:
    if not values:
        return "not measured"
    ordered = sorted(values)
    middle, late = (
        ordered[len(ordered) // 2],
        ordered[min(int(len(ordered) * 0.95), len(ordered) - 1)],
    )
    return f"median {middle:.1f} s, 95 % {late:.1f} s, longest {ordered[-1]:.1f} s"
