"""What is sent to browsers: small, as its sources say, and nothing that a strict policy forbids."""

from __future__ import annotations

import gzip
import re
import subprocess
import sys
from pathlib import Path

import pytest

from server.api.problems import problem
from server.deliberation.vocabulary import Assent, Choice, Origin, Phase, Reason, Role, Status
from server.moderation.policy import RULES
from server.pages import failure_page, wording
from server.pages.assemblies import policy_for
from server.pages.receipts import SENTENCES, Said, said_in, saying

ROOT = Path(__file__).resolve().parents[2]
DIST = ROOT / "web" / "dist"
TEMPLATES = sorted((ROOT / "server" / "pages" / "templates").glob("*.html"))


def test_what_is_committed_is_what_the_sources_say() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "web" / "build.py"), "--check"],
        check=False,
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr.decode()


def test_the_script_is_small_and_makes_no_markup() -> None:
    script = (DIST / "room.js").read_text("utf-8")
    assert len(script.encode()) <= 15 * 1024
    for forbidden in ("innerHTML", "outerHTML", "insertAdjacentHTML", "eval(", "randomUUID"):
        assert forbidden not in script
    everything = sum(len(gzip.compress(path.read_bytes())) for path in DIST.iterdir())
    assert everything <= 40 * 1024, "a room on a poor line"


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_templates_have_no_inline_script_or_style_and_wrap_their_words(template: Path) -> None:
    text = template.read_text("utf-8")
    assert not re.search(r"\sstyle=|<style|\son[a-z]+=|<script>", text)
    assert "|safe" not in text
    bare = re.sub(r"{% block width %}.*?{% endblock %}", "", text)
    bare = re.sub(r"{%.*?%}|{{.*?}}|{#.*?#}", "", bare, flags=re.DOTALL)
    bare = re.sub(
        r"<code>.*?</code>|<kbd.*?</kbd>|<[^>]*>|aria-[a-z]+=\"[^\"]*\"", "", bare, flags=re.DOTALL
    )
    bare = bare.replace("folkmoot assembly create …", "").replace("&nbsp;", "")
    assert not re.search(r"[A-Za-z]{2,}", bare), f"not in the catalogue: {bare.split()}"


def test_a_sentence_with_a_per_cent_sign_is_shown_as_it_is() -> None:
    scope = {"path": "/rooms/r0/mine", "headers": []}
    page = failure_page(problem("invalid", "100 % of <b> it, %(n)s"), scope)  # type: ignore[arg-type]
    assert b"100 % of &lt;b&gt; it, %(n)s" in page
    assert b'href="/rooms/r0"' in page


def test_every_closed_list_has_its_words() -> None:
    assert set(wording.PHASES) == set(Phase)
    assert set(wording.ROLES) == set(Role)
    assert set(wording.CHOICES) == set(wording.VOTED) == set(Choice)
    assert set(wording.ASSENTS) == set(Assent)
    assert set(wording.ORIGINS) == set(Origin)
    assert set(wording.STATUSES) == set(Status)
    assert set(RULES) == set(Reason)


def test_a_receipt_says_only_sentences_of_ours() -> None:
    for key in SENTENCES:
        said = Said(key, 41, "s0123456789abcdef")
        assert said_in(saying(said).value) == said
    for forged in ("", "agree", "unknown.1.", "agree.1.<b>", "agree.x.", "agree.1.s s", "a" * 999):
        assert said_in(forged) is None


def test_the_policy_of_a_report_allows_its_own_style_alone() -> None:
    policy = policy_for("<style>p{}</style><p>")
    assert "'sha256-" in policy
    assert "unsafe" not in policy
    assert "script-src" not in policy, "default-src 'none' holds for scripts"
    assert "style-src 'none'" in policy_for("<p>")
