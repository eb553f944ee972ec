"""The page, in a real browser, under the policy it is served with; where that is enough the server is played."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from communique.bundled import PALETTE
from communique.codebook import bundled_codebook
from communique.service import guard

PAGE = Path(guard.__file__).parent / "page"
PARTS = {path.name: path for path in (*sorted(PAGE.iterdir()), PALETTE) if path.name != "docs.css"}
EXAMPLES = Path(__file__).parents[2] / "data" / "examples"
KINDS = {".html": "text/html; charset=utf-8", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
browsing = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed, so the page cannot be opened")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
EVIL = "<img src=x onerror=\"window.pwned='{0}'\"><script>window.pwned='{0}'</script>{0}"

Spoken = dict[str, Any]


def example_rows() -> list[Spoken]:
    lines = (EXAMPLES / "article.statements.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) | {"confidence": 0.9, "date": "2031-05-14", "source": ""} for line in lines]


def spoken(text: str, spans: list[tuple[int, int]], **more: Any) -> list[Spoken]:
    """Give the rows of an extraction that found these spans."""
    fixed = {"kind": "direct", "confidence": 1.0} | more
    return [{"id": str(a), "text": text[a:b], "start": a, "end": b, "spans": [[a, b]], **fixed} for a, b in spans]


@dataclass
class Newsroom:
    """A server that answers as told, and remembers what it was asked."""

    codebook: dict[str, Any] = field(default_factory=lambda: bundled_codebook().to_dict())
    models: tuple[str, ...] = ("stance", "second")
    extract: Callable[[str], list[Spoken]] = lambda text: []
    label: Callable[[str, str], str] = lambda text, model: "none"
    doubt: Callable[[str], str | None] = lambda text: None
    title: str = ""
    corrections: bool = False
    token: str | None = None
    refusals: list[tuple[int, dict[str, str], dict[str, Any]]] = field(default_factory=list)
    asked: list[tuple[str, Any]] = field(default_factory=list)
    url: str = ""

    @property
    def labels(self) -> list[str]:
        return [label["name"] for label in self.codebook["labels"]]

    def verdict(self, text: str, body: dict[str, Any]) -> dict[str, Any]:
        label = self.label(text, body.get("model") or self.models[0])
        rest = 0.1 / max(1, len(self.labels) - 1)
        reason = self.doubt(text) if "max_error" in body else None
        return {
            "label": label,
            "confidence": 0.9,
            "scores": {name: 0.9 if name == label else rest for name in self.labels},
            "abstained": reason is not None,
            "reason": reason,
        }

    def answer(self, path: str, body: Any) -> dict[str, Any] | None:
        stamp = {"name": self.models[0], "version": "abc123", "sha256": "f" * 64}
        match path:
            case "/v1/models":
                models = [stamp | {"name": name, "labels": self.labels} for name in self.models]
                return {"default": self.models[0], "corrections": self.corrections, "models": models}
            case "/v1/article":
                rows = [
                    {**row, "speaker_confidence": row["confidence"], **self.verdict(row["text"], body)}
                    for row in self.extract(body["article"])
                ]
                article = {"title": self.title, "byline": "", "outlet": "", "date": "", "language": "en"}
                return {"model": stamp, "article": article | {"text": body["article"]}, "rows": rows}
            case "/v1/classify":
                return {"model": stamp, "rows": [each | self.verdict(each["text"], body) for each in body["texts"]]}
            case "/v1/explain":
                words = [(m.start(), m.end(), m[0]) for m in re.finditer(r"\S+", body["text"])]
                evidence = [
                    {"start": a, "end": b, "text": word, "weight": 0.5 if place % 2 else -0.2}
                    for place, (a, b, word) in enumerate(words)
                ]
                other = {"runner_up": self.labels[-1], "margin": 1.0, "intercept": 0.1, "evidence": evidence}
                return {"model": stamp, "text": body["text"]} | self.verdict(body["text"], body) | other
            case "/v1/corrections":
                return {"model": stamp}
        return {**stamp, "codebook": self.codebook, "card": ""} if path.startswith("/v1/models/") else None


class Desk(BaseHTTPRequestHandler):
    newsroom: Newsroom

    def log_message(self, *args: Any) -> None:
        pass

    def reply(self, status: int, body: bytes, kind: str, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Security-Policy", guard.POLICY)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        if path := PARTS.get("index.html" if self.path == "/" else self.path.removeprefix("/page/")):
            self.reply(200, path.read_bytes(), KINDS.get(path.suffix, "text/plain; charset=utf-8"))
        else:
            self.speak(None)

    def do_POST(self) -> None:
        self.speak(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def speak(self, body: Any) -> None:
        room = self.newsroom
        room.asked.append((self.path, body))
        problem = "application/problem+json"
        if room.token is not None and self.headers.get("Authorization") != f"Bearer {room.token}":
            self.reply(401, b'{"title": "Unauthorized"}', problem)
        elif body is not None and room.refusals:
            status, headers, detail = room.refusals.pop(0)
            self.reply(status, json.dumps(detail).encode(), problem, **headers)
        elif (answer := room.answer(self.path, body)) is None:
            self.reply(404, b"{}", problem)
        else:
            self.reply(200, json.dumps(answer).encode(), "application/json")


@pytest.fixture
def newsroom() -> Iterator[Newsroom]:
    room = Newsroom()
    room.extract = lambda text: example_rows() if text.startswith("Skip to content") else []
    room.label = lambda text, model: room.labels[(len(text) + (model != room.models[0]) * (len(text) % 2)) % 4]
    room.doubt = lambda text: "close call" if len(text) % 5 == 0 else None
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Desk", (Desk,), {"newsroom": room}))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    room.url = f"http://127.0.0.1:{server.server_port}/"
    yield room
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def tab() -> Iterator[Any]:
    """One tab of one browser for all tests: each has a server, so an origin, of its own."""
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        context = browser.new_context(reduced_motion="reduce", permissions=["clipboard-read", "clipboard-write"])
        context.set_default_timeout(15_000)
        yield context.new_page()
        browser.close()


@dataclass
class Visit:
    """Opens pages, and holds what no page may do: call elsewhere, break its policy, throw."""

    tab: Any
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def open(self, url: str, width: int = 1000, theme: str = "light", ready: bool = True) -> Any:
        self.tab.goto("about:blank")  # else an address with another fragment is the same page
        self.tab.set_viewport_size({"width": width, "height": 900})
        self.tab.emulate_media(color_scheme=theme, media="screen", forced_colors="none")
        self.tab.goto(url)
        if ready:
            self.tab.wait_for_selector("html[data-ready]")
        return self.tab

    def hear(self, message: Any) -> None:
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.complaints.append(message.text)


@pytest.fixture
def visit(tab: Any, newsroom: Newsroom) -> Iterator[Visit]:
    visit = Visit(tab)
    heard = {
        "request": lambda request: visit.requests.append(request.url),
        "pageerror": lambda error: visit.complaints.append(str(error)),
        "console": visit.hear,
    }
    for event, listener in heard.items():
        tab.on(event, listener)
    yield visit
    tab.unroute_all()
    tab.goto("about:blank")
    for event, listener in heard.items():
        tab.remove_listener(event, listener)
    assert visit.complaints == []
    strangers = [url for url in visit.requests if not url.startswith(("about:", "blob:", "http://127.0.0.1:"))]
    assert strangers == []


def try_example(page: Any) -> None:
    page.click("#example")
    page.wait_for_selector("#note-17")


def read(page: Any, text: str) -> None:
    page.fill("#text", text)
    page.press("#text", "Control+Enter")


def told(page: Any, where: str, what: str) -> None:
    """Wait until something is said there (the policy forbids Playwright's own way to wait for a script)."""
    page.wait_for_selector(f'{where}:has-text("{what}")', state="attached")


def marked(page: Any) -> dict[str, str]:
    """Give what is highlighted for each statement, its pieces joined."""
    script = "all => all.map(each => [each.dataset.n, each.textContent])"
    found: dict[str, str] = {}
    for number, text in page.eval_on_selector_all("#reading .said", script):
        found[number] = found.get(number, "") + text
    return found


def grave(page: Any, where: Any = None) -> dict[str, str]:
    """Say what axe finds that is serious, each with an element."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page, where, {"resultTypes": ["violations"]}).response["violations"]
    return {each["id"]: each["nodes"][0]["html"] for each in found if each["impact"] in ("serious", "critical")}


def test_all_its_files_are_under_100_kb() -> None:
    assert sum(path.stat().st_size for path in PARTS.values()) < 100_000


def test_nothing_is_inline_built_from_markup_or_fetched_from_elsewhere() -> None:
    for path in PARTS.values():
        text = path.read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?://|\bon[a-z]+=\"|<style|style=", text), path.name
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text)
    assert re.findall(r"<script[^>]*>(.*?)</script>", (PAGE / "index.html").read_text("utf-8"), re.S) == [""]


def test_the_example_is_that_of_the_project() -> None:
    assert (PAGE / "example.txt").read_bytes() == (EXAMPLES / "article.txt").read_bytes()


@browsing
def test_statements_are_marked_where_the_server_says(visit: Visit, newsroom: Newsroom) -> None:
    page = visit.open(newsroom.url)
    try_example(page)
    text = (EXAMPLES / "article.txt").read_text("utf-8")
    rows = example_rows()
    assert list(marked(page).values()) == ["".join(text[a:b] for a, b in row["spans"]) for row in rows]
    assert page.locator("#reading article").inner_text().count("We do not answer ultimatums") == 1
    assert page.text_content("#summary-head") == "18 statements by 11 speakers"
    doubtful = [number for number, row in enumerate(rows) if len(row["text"]) % 5 == 0]
    assert doubtful
    for number in range(18):
        assert page.locator(f"#reading .said.doubt[data-n='{number}']").count() > 0 if number in doubtful else True
        assert ("close call" in page.text_content(f"#note-{number}")) == (number in doubtful)


@browsing
def test_axe_finds_nothing_serious_and_nothing_overflows_at_any_width_in_light_and_dark(
    visit: Visit, newsroom: Newsroom
) -> None:
    newsroom.corrections = True
    newsroom.doubt = lambda text: "close call" if text.startswith("We do not answer") else None
    page = visit.open(newsroom.url)

    def check(state: str, width: int, theme: str) -> None:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=theme)
        assert grave(page) == {}, state
        for size in (320, 390, 500, 1000, 1600):
            page.set_viewport_size({"width": size, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (state, size)
        page.set_viewport_size({"width": 1000, "height": 900})

    check("empty", 390, "dark")
    try_example(page)
    page.locator(".said.doubt[role]").first.click()
    page.wait_for_selector(".words")
    check("a doubtful statement", 390, "light")
    page.keyboard.press("Escape")
    page.select_option("#other", "second")
    page.wait_for_selector(".note.differs")
    page.locator("#legend button").first.click()
    check("two models, filtered", 1600, "dark")
    page.locator(".said.differs[role]").first.click()
    page.wait_for_selector(".words")
    page.click(".wrong summary")
    check("a statement of two models, corrected", 1000, "light")
    page.keyboard.press("Escape")
    newsroom.refusals.append((413, {}, {"found": "3 MB", "expected": "2 MB", "remedy": "split it"}))
    page.select_option("#other", "")
    page.wait_for_selector(".trouble")
    check("trouble", 390, "dark")


@browsing
def test_print_and_forced_colours_keep_what_the_colours_say(visit: Visit, newsroom: Newsroom) -> None:
    newsroom.doubt = lambda text: None
    page = visit.open(newsroom.url, theme="dark")
    try_example(page)
    styles = "all => all.map(each => [each.className.match(/label-.|background/)[0], getComputedStyle(each)"
    for media in ({"media": "print"}, {"media": "screen", "forced_colors": "active"}):
        page.emulate_media(**media)
        lines = page.eval_on_selector_all(".said", f"{styles}.textDecorationStyle])")
        assert len({line for _, line in lines if line != "solid"}) == 2  # the background's is solid too, and thin
        assert len(set(map(tuple, lines))) == 4
        patterns = page.eval_on_selector_all("#legend .swatch", f"{styles}.backgroundImage])")
        assert len({pattern for _, pattern in patterns}) == 3
    page.emulate_media(media="print", forced_colors="none")
    assert not any(map(page.is_visible, ("#compose", "#take", "#theme", ".jump")))
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(29, 28, 26)"
    assert page.is_visible("#speakers table")


@browsing
def test_everything_can_be_done_with_the_keyboard(visit: Visit, newsroom: Newsroom) -> None:
    page = visit.open(newsroom.url)
    focused = "document.activeElement.id || document.activeElement.dataset.n || document.activeElement.tagName"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.locator("#example").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#note-17")
    assert page.evaluate(focused) == "summary-head"
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("ArrowDown")
    assert page.evaluate(focused) == "2"
    page.keyboard.press("k")
    assert page.evaluate(focused) == "1"
    told(page, "#live", "2 of 18")
    page.keyboard.press("Enter")
    page.wait_for_selector(".words")
    assert page.evaluate(focused) == "panel-head"
    page.keyboard.press("j")
    assert page.text_content(".place") == "3 of 18"
    page.locator("#after").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    assert page.text_content(".place") == "5 of 18"
    assert page.evaluate(focused) == "after"
    told(page, "#live", "5 of 18")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Escape")
    assert page.evaluate(focused) == "4"
    assert page.is_hidden("#panel")
    page.locator("#speakers tbody button").first.focus()
    page.keyboard.press("Enter")
    assert page.text_content("#filter-text") == "Only Davit Kolmari: 5 of 18."
    page.keyboard.press("Escape")
    assert page.is_hidden("#filter")
    page.keyboard.press("?")
    assert page.is_visible("#keys")
    page.keyboard.press("Escape")
    assert page.is_hidden("#keys")


@browsing
def test_hostile_labels_codebooks_and_texts_stay_text(visit: Visit, newsroom: Newsroom) -> None:
    labels = [EVIL.format("a"), "\"><svg onload=alert('b')>", "__proto__", "constructor k0\n{}</style>", "javascript:c"]
    newsroom.codebook = {
        "name": EVIL.format("d"),
        "question": EVIL.format("e"),
        "background": labels[4],
        "rules": [],
        "labels": [{"name": name, "definition": name, "acts": [name], "examples": [name]} for name in labels],
    }  # fmt: skip
    newsroom.models = (EVIL.format("m").replace("/", ""), "second")
    newsroom.corrections = True
    newsroom.title = EVIL.format("t")
    text = f"{newsroom.title}\n\n“{EVIL.format('s')}” said {EVIL.format('w')}.\n\nAnd “more of it, and more” he said."
    quotes = [(m.start(1), m.end(1)) for m in re.finditer("“([^”]+)”", text)]
    person = dict.fromkeys(["id", "kind", "speaker", "office", "actor", "cue", "date", "source"], EVIL.format("p"))
    newsroom.extract = lambda article: [row | person for row in spoken(text, quotes)]
    newsroom.label = lambda text, model: labels[(len(text) + (model == "second")) % 5]
    newsroom.doubt = lambda text: EVIL.format("r") if "more" in text else None
    page = visit.open(newsroom.url)
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    read(page, text)
    page.wait_for_selector("#note-1")
    page.select_option("#other", "second")
    page.wait_for_selector(".note.differs")
    for number in (0, 1):
        page.locator(f".said[role][data-n='{number}']").click()
        page.wait_for_selector(".words")
        assert EVIL.format("p") in page.text_content("#panel")
        page.keyboard.press("Escape")
    page.locator("#speakers tbody button").first.click()
    page.locator("#legend button").first.click(force=True)
    newsroom.refusals.append(
        (422, {}, dict.fromkeys(["title", "detail", "found", "expected", "remedy"], EVIL.format("q")))
    )
    page.select_option("#kind", "article")
    page.wait_for_selector(".trouble")
    assert EVIL.format("q") in page.text_content("#trouble")
    assert page.evaluate("window.pwned") is None
    assert dialogs == []
    assert page.locator("body script, main img, main svg, body style").count() == 0
    for label in labels:
        assert label in page.locator("#legend").text_content() or label in page.locator("#definitions").text_content()


@browsing
def test_offsets_count_code_points_in_any_script(visit: Visit, newsroom: Newsroom) -> None:
    text = "🕊️🕊 发言人说:“我们愿意谈判😀,也准备好了。”\n\n👩‍👩‍👧 “We 🇺🇳 will 𝒏𝒐𝒕 yield 🚀 to them,” the envoy said."
    spans = [(m.start(1), m.end(1)) for m in re.finditer("“([^”]+)”", text)]
    newsroom.extract = lambda article: spoken(text, spans)
    page = visit.open(newsroom.url)
    read(page, text)
    page.wait_for_selector("#note-1")
    assert list(marked(page).values()) == [text[a:b] for a, b in spans]
    page.locator(".said[data-n='1']").first.click()
    page.wait_for_selector(".quote.weighed")
    words = page.eval_on_selector_all(".quote mark", "all => all.map(each => each.textContent)")
    assert words == text[slice(*spans[1])].split()


@browsing
def test_offsets_are_converted_as_python_would(visit: Visit, newsroom: Newsroom) -> None:
    page = visit.open(newsroom.url)
    page.evaluate("import('/page/offsets.js').then(it => { window.it = it })")
    words = st.text(st.sampled_from("ab \n中é🕊😀\u0301"), max_size=30)
    cases = st.lists(st.tuples(words, st.lists(st.integers(0, 30), max_size=6)), min_size=20, max_size=20)

    @settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
    @given(cases)
    def same(batch: list[tuple[str, list[int]]]) -> None:
        batch = [(text, [min(offset, len(text)) for offset in offsets]) for text, offsets in batch]
        found = page.evaluate("all => all.map(([text, offsets]) => it.toUnits(text, offsets))", batch)
        assert found == [[len(text[:at].encode("utf-16-le")) // 2 for at in offsets] for text, offsets in batch]

    same()


@browsing
def test_a_shared_link_brings_the_text_back_and_sends_nothing_before_it_is_opened(
    visit: Visit, newsroom: Newsroom
) -> None:
    page = visit.open(newsroom.url)
    text = "We reject this 🕊 proposal.\n我们愿意谈判。\nThe harvest was good."
    read(page, text)
    page.wait_for_selector("#note-2")
    page.click("#share")
    told(page, "#take-note", "characters")
    link = page.evaluate("navigator.clipboard.readText()")
    assert link.startswith(f"{newsroom.url}#z")
    assert re.fullmatch(r"[\w-]+", link.partition("#")[2])

    newsroom.asked.clear()
    other = visit.open(link)
    assert other.input_value("#text") == text
    assert [path for path, body in newsroom.asked if body is not None] == []
    other.click("#trouble button")
    other.wait_for_selector("#note-2")
    assert list(marked(other).values()) == text.split("\n")

    damaged = visit.open(link[:-9])
    assert "damaged" in damaged.text_content("#trouble")


@browsing
def test_csv_has_the_columns_of_the_command_line_and_no_formulas(visit: Visit, newsroom: Newsroom) -> None:
    page = visit.open(newsroom.url)
    evil = ["=HYPERLINK(1)", "+1 is owed", "-2, they said", '@SUM("a")', "＝1+1", 'He said "no", twice; always', "a  b"]
    read(page, "\n".join(evil))
    page.wait_for_selector(f"#note-{len(evil) - 1}")
    page.click("#copy-csv")
    told(page, "#take-note", "CSV copied.")
    rows = list(csv.DictReader(io.StringIO(page.evaluate("navigator.clipboard.readText()"))))
    assert [row["text"] for row in rows] == [text if text[0] in "Ha" else f"'{text}" for text in evil]
    columns = ["id", "text", "label", "confidence", *(f"scores.{label}" for label in newsroom.labels)]
    assert list(rows[0]) == [*columns, "abstained", "reason", "model"]
    assert float(rows[0]["confidence"]) == 0.9
    with page.expect_download() as download:
        page.click("#save-json")
    saved = json.loads(Path(download.value.path()).read_text("utf-8"))
    assert [row["text"] for row in saved["rows"]] == evil
    assert saved["model"]["sha256"] == "f" * 64


@browsing
def test_the_token_is_asked_for_sent_and_kept_for_the_tab(visit: Visit, newsroom: Newsroom) -> None:
    newsroom.token = "s3cret"  # noqa: S105
    page = visit.open(newsroom.url, ready=False)
    page.wait_for_selector("#token[open]")
    page.fill("#token-field", "wrong")
    page.keyboard.press("Enter")
    told(page, "#token-hint", "not taken")
    page.fill("#token-field", "s3cret")
    page.keyboard.press("Enter")
    page.wait_for_selector("html[data-ready]")
    assert page.evaluate("[sessionStorage.length, localStorage.length]") == [1, 0]
    page.reload()
    page.wait_for_selector("html[data-ready]")
    assert page.is_hidden("#token")


@browsing
def test_trouble_is_told_in_plain_words_with_what_to_do(visit: Visit, newsroom: Newsroom) -> None:
    page = visit.open(newsroom.url)
    newsroom.refusals.append((413, {}, {"found": "3 MB", "expected": "2 MB or less", "remedy": "split the article"}))
    read(page, "We reject it.")
    page.wait_for_selector(".trouble")
    assert page.inner_text("#trouble").startswith("The text is larger than this server takes. Split the article.")
    assert "3 MB; expected 2 MB or less" in page.inner_text("#trouble")
    assert page.locator("#trouble button").all_inner_texts() == ["Put away"]
    newsroom.refusals += [(500, {}, {}), (503, {"Retry-After": "0"}, {})]
    page.click("#read")
    page.click("#trouble button >> text=Try again")
    page.wait_for_selector("#note-0")
    page.route("**/v1/classify", lambda route: route.abort())
    page.click("#edit")
    read(page, "We reject it again.")
    page.wait_for_selector(".trouble")
    assert "cannot be reached" in page.inner_text("#trouble")
    assert page.input_value("#text") == "We reject it again."


@browsing
def test_a_correction_is_offered_only_where_the_server_takes_it(visit: Visit, newsroom: Newsroom) -> None:
    page = visit.open(newsroom.url)
    read(page, "We reject it.")
    page.wait_for_selector(".words")
    assert page.locator(".wrong").count() == 0
    newsroom.corrections = True
    page = visit.open(newsroom.url)
    read(page, "We reject it.")
    page.wait_for_selector(".words")
    page.click(".wrong summary")
    page.check(".choice >> nth=2 >> input")
    page.fill("#remark", "a plain refusal")
    page.click(".wrong button")
    page.wait_for_selector(".wrong >> text=Noted")
    path, body = newsroom.asked[-1]
    assert path == "/v1/corrections"
    assert (body["text"], body["label"], body["note"]) == ("We reject it.", newsroom.labels[2], "a plain refusal")
    assert body["answer"]["label"] in newsroom.labels


@browsing
def test_any_number_of_labels_looks_different_and_the_background_neutral(visit: Visit, newsroom: Newsroom) -> None:
    names = [f"label {place}" for place in range(24)]
    newsroom.codebook = {"background": "label 3", "labels": [{"name": name} for name in names]}
    newsroom.label = lambda text, model: f"label {text.split()[1]}"
    newsroom.doubt = lambda text: None
    page = visit.open(newsroom.url)
    read(page, "\n".join(f"statement {place} of many" for place in range(24)))
    page.wait_for_selector("#note-23")
    looks = page.eval_on_selector_all("#legend .swatch", "all => all.map(each => each.className)")
    assert len(set(looks)) == 24
    assert [place for place, look in enumerate(looks) if "background" in look] == [3]


@browsing
def test_two_models_are_compared(visit: Visit, newsroom: Newsroom) -> None:
    page = visit.open(newsroom.url, 1600)
    try_example(page)
    page.select_option("#other", "second")
    page.wait_for_selector(".note.differs")
    page.wait_for_selector("#note-17")
    answered = [text for text in (row["text"] for row in example_rows()) if newsroom.doubt(text) is None]
    expected = [text for text in answered if len({newsroom.label(text, model) for model in newsroom.models}) > 1]
    assert page.locator(".note.differs").count() == len(expected) > 0
    assert page.locator("#whole .stack").count() == 2
    page.click("#legend >> text=where the models differ")
    assert page.locator(".note:not(.aside)").count() == len(expected)
    page.locator(".said.differs[role]").first.click()
    assert "≠ second:" in page.text_content("#panel")
    assert page.locator("#panel .scores").count() == 2


@browsing
def test_the_speaker_table_sorts_by_its_heads_and_filters(visit: Visit, newsroom: Newsroom) -> None:
    page = visit.open(newsroom.url)
    try_example(page)
    rows = example_rows()
    names = page.locator("#speakers tbody button").all_inner_texts
    in_text = list(dict.fromkeys(row["speaker"] for row in rows))

    def sort(column: int) -> str:
        page.locator("#speakers thead button").nth(column).click()
        (head,) = page.locator("#speakers [aria-sort]").all()
        return f"{head.inner_text()} {head.get_attribute('aria-sort')}"

    assert page.get_attribute("#speakers th >> nth=2", "aria-sort") == "descending"
    assert names()[0] == "Davit Kolmari"
    assert sort(0) == "Speaker ascending"
    assert names() == sorted(in_text, key=str.casefold)
    assert sort(0) == "Speaker descending"
    assert names() == sorted(in_text, key=str.casefold, reverse=True)
    assert sort(0) == "As in the text other"
    assert names() == in_text
    assert sort(1) == f"Most {newsroom.labels[0]} other"
    assert sort(1) == f"Most {newsroom.labels[1]} other"
    count = dict.fromkeys(in_text, 0)
    for text, speaker in ((row["text"], row["speaker"]) for row in rows):
        count[speaker] += newsroom.label(text, "stance") == newsroom.labels[1] and newsroom.doubt(text) is None
    assert [count[name] for name in names()] == sorted(count.values(), reverse=True)
    assert sort(2) == "Total descending"
    page.click("#speakers tbody button >> text=Lin Adeyo")
    assert page.locator(".note:not(.aside)").count() == 1
    assert sort(2) == "Total ascending"
    assert page.locator("#speakers tbody [aria-pressed=true]").all_inner_texts() == ["Lin Adeyo"]


@browsing
def test_a_text_from_right_to_left_is_set_so(visit: Visit, newsroom: Newsroom) -> None:
    page = visit.open(newsroom.url)
    text = "فيلدانيا تمهل كورسومي\n\nقالت الرئيسة: «لا نرد على الإنذارات ولا نناقشها»."
    spans = [(m.start(1), m.end(1)) for m in re.finditer("«([^»]+)»", text)]
    newsroom.extract = lambda article: spoken(text, spans, speaker="روزان إمبالي", office="رئيسة")
    read(page, text)
    page.wait_for_selector("#note-0")
    assert list(marked(page).values()) == [text[a:b] for a, b in spans]
    page.locator(".said[role]").first.click()
    page.wait_for_selector(".quote.weighed")
    for place, direction in ((".block p >> nth=0", "rtl"), (".quote", "rtl"), ("#panel", "ltr"), (".note", "ltr")):
        assert page.eval_on_selector(place, "each => getComputedStyle(each).direction") == direction


@browsing
def test_files_are_taken_one_or_many(visit: Visit, newsroom: Newsroom) -> None:
    page = visit.open(newsroom.url)
    files = [
        {"name": "a.html", "mimeType": "text/html", "buffer": b"<p>One</p>"},
        {"name": "b.md", "mimeType": "text/markdown", "buffer": "Zwei – «drei»".encode()},
    ]
    page.set_input_files("#file", files)
    page.wait_for_selector("#reading article >> nth=1")
    sent = [body for path, body in newsroom.asked if path == "/v1/article"]
    assert [(body["source"], body["format"]) for body in sent] == [("a.html", "html"), ("b.md", "markdown")]
    page.click("#fresh")
    for name, data in (("c.exe", b"MZ"), ("d.txt", b"\x89PNG\0\0\x1a")):
        page.set_input_files("#file", {"name": name, "mimeType": "", "buffer": data})
        told(page, "#trouble", name)
        assert page.inner_text("#trouble").startswith("This file could not be taken.")


@browsing
def test_a_text_or_a_file_may_be_dropped_anywhere(visit: Visit, newsroom: Newsroom) -> None:
    page = visit.open(newsroom.url)
    drag = "() => {{ const it = new DataTransfer(); {}; return it }}"
    text = page.evaluate_handle(drag.format("it.setData('text/plain', 'We refuse.')"))
    page.dispatch_event("#main", "drop", {"dataTransfer": text})
    page.wait_for_selector("#note-0")
    assert list(marked(page).values()) == ["We refuse."]
    page.click("#fresh")
    file = page.evaluate_handle(drag.format("it.items.add(new File(['We agree.\\nWe wait.'], 'a.txt'))"))
    page.dispatch_event("#main", "dragover", {"dataTransfer": file})
    assert page.locator("body.dropping").count() == 1
    page.dispatch_event("#main", "drop", {"dataTransfer": file})
    page.wait_for_selector("#note-1")
    assert list(marked(page).values()) == ["We agree.", "We wait."]


@browsing
def test_an_article_of_two_megabytes_leaves_the_page_awake(visit: Visit, newsroom: Newsroom) -> None:
    paragraph = "“We will answer any attack 🕊 with force,” the minister said, and went on for a while about it. " * 4
    text = "\n\n".join([paragraph] * 5000)
    spans = [(m.start(1), m.end(1)) for m in re.finditer("“([^”]+)”", text)][::4]
    newsroom.extract = lambda article: spoken(text, spans, speaker="minister")
    page = visit.open(newsroom.url)
    page.evaluate(
        "window.longest = 0; new PerformanceObserver(list => { for (const task of list.getEntries())"
        " window.longest = Math.max(window.longest, task.duration) }).observe({type: 'longtask'})"
    )
    page.set_input_files("#file", {"name": "big.txt", "mimeType": "text/plain", "buffer": text.encode()})
    page.wait_for_selector(f"#note-{len(spans) - 1}", state="attached")
    assert len(text.encode()) > 1_900_000
    assert page.evaluate("window.longest") < 1500
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.dataset.n") == "0"


@browsing
def test_the_page_and_that_of_the_api_work_with_the_service(visit: Visit, serving: Callable[..., Any]) -> None:
    service = serving()
    assert {service.ask(f"/page/{name}")[0] for name in PARTS if name != "index.html"} == {200}
    url = f"http://127.0.0.1:{service.port}/"
    page = visit.open(url)
    read(page, "We state that any attack will be answered with force.\nThe envoy told reporters: our offer stands.")
    page.wait_for_selector("#note-1")
    page.locator(".said[role]").first.click()
    page.wait_for_selector(".words")
    assert page.locator(".scores > div").count() == 4
    page = visit.open(f"{url}docs", width=390, ready=False)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert grave(page, {"include": [["header"], ["nav"], ["#classify"]]}) == {}
