"""The page asks nothing of the network, runs nothing, and lets nobody's words be markup."""

from __future__ import annotations

import base64
import re
from hashlib import sha256
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from server.deliberation.charter import Charter
from server.deliberation.vocabulary import Phase
from server.reports import html, report
from server.reports.material import Material

from .held import Held, whole

PAYLOADS = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</style><script>alert(1)</script>",
    "<svg onload=alert(1)>",
    "javascript:alert(1)",
    "{{ 7 * 7 }}{% raw %}",
    "]]><b>bold</b><!--",
    "&lt;b&gt; &amp; '\"",
    "<a href='https://example.org'>go</a>",
    "שלום <b>עולם</b>",
)
VOID = {"meta", "br", "rect", "line", "path", "circle", "ellipse"}
ALLOWED = {
    "html", "head", "meta", "title", "style", "body", "a", "header", "main", "nav", "section",
    "article", "footer", "div", "span", "strong", "b", "p", "h1", "h2", "h3", "h4", "ul", "ol",
    "li", "dl", "dt", "dd", "blockquote", "figure", "figcaption", "table", "caption", "thead",
    "tbody", "tr", "th", "td", "bdi", "br", "svg", "desc", "g", "rect", "line", "path", "circle",
    "ellipse", "text",
}  # fmt: skip


class Page(HTMLParser):
    """Every tag with its attributes, the text, and what is open."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, tag
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def page_of(material: Material) -> str:
    """Return the report's page."""
    return html.page(report.build(material), html.map_points(material))


@pytest.fixture(scope="module")
def hostile() -> str:
    """The page of an assembly in which everybody writes markup."""
    held = Held(
        charter=Charter(recipient=PAYLOADS[0], convener=PAYLOADS[1]),
        title=PAYLOADS[2],
        question=PAYLOADS[3],
    )
    held.phase(Phase.OPEN)
    crowd = held.admit(60)
    written = [held.say(crowd[n], payload) for n, payload in enumerate(PAYLOADS)]
    for number, person in enumerate(crowd):
        for place, statement in enumerate(written):
            held.vote(person, statement, 1 if (number + place) % 2 else -1)
    held.phase(Phase.DRAFTING)
    held.analyse()
    (draft,) = held.draft(written[:4])
    held.phase(Phase.RANKING)
    for number, person in enumerate(crowd[:10]):
        held.rank(person, ["d1"], {"d1": PAYLOADS[number]})
    held.phase(Phase.RATIFYING)
    for person in crowd:
        for clause in draft.clauses:
            held.ratify(person, clause.id, "yes")  # type: ignore[arg-type]
    held.phase(Phase.CLOSED)
    return page_of(held.material())


def test_words_are_words_and_nothing_else(hostile: str) -> None:
    page = Page(hostile)
    assert {tag for tag, _ in page.tags} <= ALLOWED
    said = "".join(page.text)
    for payload in PAYLOADS:
        assert payload in said
    assert page.open == []


@pytest.mark.parametrize("which", ["hostile", "closed", "small"])
def test_no_request_leaves_and_nothing_runs(which: str, request: pytest.FixtureRequest) -> None:
    given = request.getfixturevalue(which)
    text = given if isinstance(given, str) else page_of(given)
    page = Page(text)
    ids = [value["id"] for _, value in page.tags if "id" in value]
    assert len(ids) == len(set(ids))
    for tag, attributes in page.tags:
        assert tag != "script"
        for name, value in attributes.items():
            assert not name.startswith("on")
            assert name not in ("src", "srcset", "style", "action", "data", "xlink:href")
            if name == "href":
                assert value is not None
                assert value.startswith("#")
                assert value[1:] in ids
    style = re.search("<style>(.*?)</style>", text, re.DOTALL)
    assert style is not None
    assert "url(" not in style[1]
    assert "@import" not in style[1]


def test_its_own_policy_allows_its_style_and_nothing_else(closed: Material) -> None:
    text = page_of(closed)
    style = re.search("<style>(.*?)</style>", text, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(sha256(style[1].encode()).digest()).decode()
    assert html.style_hash() == f"sha256-{digest}"
    policy = next(
        attributes["content"]
        for tag, attributes in Page(text).tags
        if tag == "meta" and attributes.get("http-equiv")
    )
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:"


def test_the_page_can_be_read_without_seeing_it(closed: Material) -> None:
    page = Page(page_of(closed))
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later <= earlier + 1 for earlier, later in pairwise(levels))
    tags = [tag for tag, _ in page.tags]
    assert tags.count("table") == tags.count("caption")
    for tag, attributes in page.tags:
        if tag == "th":
            assert attributes.get("scope") in ("col", "row")
        if tag == "svg":
            assert attributes.get("aria-hidden") or attributes.get("role") == "img"
            if attributes.get("role") == "img":
                assert attributes.get("aria-label") or attributes.get("aria-labelledby")
    assert ("html", {"lang": "en"}) in page.tags
    bdis = [attributes for tag, attributes in page.tags if tag == "bdi"]
    assert bdis
    assert all(attributes.get("dir") == "auto" for attributes in bdis)


def test_there_is_a_map_only_where_groups_can_be_told(closed: Material, small: Material) -> None:
    assert html.map_points(closed) is not None
    assert "Map of opinions" in page_of(closed)
    assert html.map_points(small) is None
    alone = page_of(small)
    assert "Map of opinions" not in alone
    assert "No separate opinion groups can be told" in alone
    assert "consensus across groups</strong>" not in alone


def test_marks_are_people_whose_rows_are_public() -> None:
    few = whole(people=70, withheld=3).material()
    plot = html.map_points(few)
    assert plot is not None
    assert plot.shown == 0
    assert all(not each.path for each in plot.marks)
    assert plot.outlines
    many = html.map_points(whole(people=70, withheld=20).material())
    assert many is not None
    assert many.shown == 50
    assert sum(each.people for each in many.marks) == 50


def test_simulated_people_are_marked_at_the_top() -> None:
    text = page_of(whole(people=12, statements=6, simulated=5).material())
    banner = text.index("5 of those who took part are simulated")
    assert banner < text.index('id="asked"')


def test_page_one_asks(closed: Material) -> None:
    text = page_of(closed)
    assert text.index("What is asked of") < text.index("</header>")
    assert "The laboratory" in text[: text.index("</header>")]
