"""上纸：打印的一页、PDF 与电子书里，代码一行不少，图不切断、用宽的，交互实验写明变体，链接指得到。"""

from __future__ import annotations

import io
import os
import posixpath
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest
from playwright.sync_api import expect
from pypdf import PdfReader

ROOT = Path(__file__).parents[2]
CHAPTER = "chapters/05_closing"
XHTML = "{http://www.w3.org/1999/xhtml}"
OPF = "{http://www.idpf.org/2007/opf}"

OVERFLOWING = """[...document.querySelectorAll(".bd-article :is(pre, table, figure, svg)")]
    .filter((node) => node.getClientRects().length && node.getBoundingClientRect().right > innerWidth + 1)
    .map((node) => node.textContent.slice(0, 60))"""
NARROW = """[...document.querySelectorAll(".bd-article svg.sockscope")]
    .filter((svg) => svg.getClientRects().length && svg.viewBox.baseVal.width < 400).length"""
SHOWN = """[...document.querySelectorAll(
        "button, .bd-sidebar-primary, .bd-header-article, .headerlink, .ss-controls, .ss-toolbar")]
    .filter((node) => node.getClientRects().length).length"""
BLANK = """[...document.querySelectorAll(".bd-article :is(td, th)")]
    .filter((cell) => cell.textContent.trim() && cell.getClientRects().length && !cell.innerText.trim())
    .map((cell) => cell.textContent.slice(0, 60))"""
TALLEST = """Math.max(...[...document.querySelectorAll(".bd-article svg.sockscope")]
    .map((svg) => svg.getBoundingClientRect().height))"""


@pytest.fixture
def paper(book, visit):
    """一章上了纸的样子：印刷的样式，一张 A4 去掉页边那么宽，交互实验一个也没有走近过。"""
    page = visit(f"{(book / CHAPTER).as_uri()}.html", folded=True).page
    page.set_viewport_size({"width": 672, "height": 980})
    page.emulate_media(media="print")
    page.evaluate("sockscopeReady()")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    return page


def test_a_printed_page_shows_everything(paper):
    assert paper.evaluate(OVERFLOWING) == []
    assert paper.evaluate(NARROW) == 0
    assert paper.evaluate(BLANK) == [], "表里有字的格子，纸上也有字"
    assert paper.evaluate(SHOWN) == 0
    assert paper.evaluate(TALLEST) < 261 / 25.4 * 96  # 一张纸上排得下
    assert paper.locator(".ss-later:not([data-shape])").count() == 0
    told = paper.locator(".ss-printed").all_inner_texts()
    assert len(told) == paper.locator(".sockscope-explorer").count() > 2
    assert all("自己做一遍：sockscope run" in line for line in told)
    assert "变体：客户端怎样离开：shutdown(SHUT_WR)；离开时还有没读的数据：否" in told[0]
    assert paper.locator(".ss-answers h3").count() == paper.locator(".sockscope-quiz").count()
    for heading in ("h2", "h3", "summary"):
        assert paper.locator(f".bd-article {heading}").first.evaluate("node => getComputedStyle(node).breakAfter") == "avoid"


def test_after_printing_the_page_is_as_it_was(paper):
    paper.evaluate("dispatchEvent(new Event('afterprint'))")
    expect(paper.locator(".ss-strips, .ss-whole, .ss-answers")).to_have_count(0)
    assert paper.locator("details.fold:not([open])").count() > 0


# ---------------------------------------------------------------- PDF 与电子书

def bound(program: str, output: Path) -> None:
    command = [sys.executable, str(ROOT / "book" / program), "--only", CHAPTER, "--output", str(output)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def squeezed(text: str) -> str:
    return "".join(text.split())


@pytest.mark.slow
def test_the_pdf_has_every_line_of_code_and_its_links_arrive(book, chromium, tmp_path, paper):
    bound("pdf.py", tmp_path / "book.pdf")
    made = PdfReader(io.BytesIO((tmp_path / "book.pdf").read_bytes()))
    text = squeezed("".join(page.extract_text() for page in made.pages))
    lines = [line for code in paper.locator(".cell_input pre").all_inner_texts() for line in code.splitlines()]
    assert len(lines) > 100
    assert [line for line in lines if squeezed(line) not in text] == []
    assert squeezed("变体：客户端怎样离开：shutdown(SHUT_WR)") in text
    assert {letter for letter in text if "\u2e80" <= letter <= "\u2fd5"} == set()  # 部首不是字：搜不到
    names = set(made.named_destinations)
    notes = [note.get_object() for page in made.pages for note in page.get("/Annots", [])]
    assert {str(note["/Dest"]) for note in notes if "/Dest" in note} <= names
    assert [note for note in notes if str(note.get("/A", {}).get("/URI", "")).startswith("file:")] == []
    assert "/Dest" in str(notes)
    first = made.page_labels.index("1")
    assert made.page_labels[first:] == [str(n + 1) for n in range(len(made.pages) - first)]
    for n in (0, 1, 5):  # 眉上：奇数页在左，偶数页在章名之后
        assert str(n + 1) in made.pages[first + n].extract_text().split()[:3]


@pytest.mark.slow
def test_the_epub_is_sound(book, chromium, tmp_path):
    bound("epub.py", tmp_path / "book.epub")
    check(tmp_path / "book.epub")


@pytest.mark.soak
@pytest.mark.parametrize("name", ["epub", "pdf"])
def test_the_whole_book(book, chromium, tmp_path, name):
    output = tmp_path / f"book.{name}"
    done = subprocess.run([sys.executable, f"book/{name}.py", "--output", output], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    if name == "epub":
        check(output)
    else:
        assert len(PdfReader(output).pages) > 500


def check(path: Path) -> None:
    """一本 EPUB 的结构：逐份解析，每个地址都在，清单不多不少；有 epubcheck 就再问它。"""
    with zipfile.ZipFile(path) as book:
        assert book.namelist()[0] == "mimetype"
        assert book.infolist()[0].compress_type == zipfile.ZIP_STORED
        inside = {name.removeprefix("EPUB/"): book.read(name) for name in book.namelist() if name.startswith("EPUB/")}
    trees = {name: ElementTree.fromstring(text) for name, text in inside.items() if name.endswith((".xhtml", ".svg", ".opf"))}
    items = {unquote(item.get("href")) for item in trees["book.opf"].iter(f"{OPF}item")}
    assert items == set(inside) - {"book.opf"}
    ids = {name: [node.get("id") for node in tree.iter() if node.get("id")] for name, tree in trees.items()}
    pages = {name: tree for name, tree in trees.items() if name.endswith(".xhtml")}
    for name, tree in pages.items():
        assert len(set(ids[name])) == len(ids[name]), f"{name} 里有重复的 id"
        assert [node.tag for node in tree.iter() if node.tag.removeprefix(XHTML) in ("script", "button", "input")] == []
        for node in tree.iter():
            address = node.get("href") or node.get("src") or ""
            if address and not address.startswith("http"):
                file, _, anchor = unquote(address).partition("#")
                target = posixpath.normpath(posixpath.join(posixpath.dirname(name), file)) if file else name
                assert target in inside, f"{name} 指向没有的 {address}"
                assert not anchor or anchor in ids[target], f"{name} 指向没有的 {address}"
    chapter = trees[f"{CHAPTER}.xhtml"]
    images = [node for node in chapter.iter(f"{XHTML}img") if node.get("src", "").endswith(".svg")]
    assert len(images) > 15
    assert "变体：客户端怎样离开：shutdown(SHUT_WR)" in "".join(chapter.itertext())
    if (found := shutil.which("epubcheck")) and shutil.which("java"):
        program = Path(found).resolve()
        command = ["java", "-jar", program] if program.suffix == ".jar" else [program]
        done = subprocess.run([*command, path], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def test_without_a_browser_one_sentence_says_what_is_missing(book, tmp_path):
    without = {**os.environ, "SOCKSCOPE_BROWSER": "no-such-browser"}
    for program in ("pdf.py", "epub.py"):
        command = [sys.executable, f"book/{program}", "--output", tmp_path / "x"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=without)
        assert done.returncode == 2
        assert done.stderr.startswith("没有找到 Chromium")
        assert done.stderr.count("\n") == 1


# ---------------------------------------------------------------- 书的 zip

def test_the_unpacked_zip_works_from_a_file_address(book, visit, tmp_path):
    packed = tmp_path / "book.zip"
    subprocess.run([sys.executable, "-m", "zipfile", "-c", packed, f"{book}/"], check=True)  # 与 tools/release 同样的一句
    with zipfile.ZipFile(packed) as made:
        made.extractall(tmp_path)
    seen = visit(f"{(tmp_path / 'html' / CHAPTER).as_uri()}.html")
    expect(seen.page.locator(".ss-later svg.sockscope").first).to_be_visible()
    explorer = seen.page.locator(".sockscope-explorer").first
    explorer.scroll_into_view_if_needed()
    explorer.locator("label", has_text="SO_LINGER 0").click()
    expect(explorer.locator(".ss-figure svg desc").first).to_contain_text("RST")
    assert seen.errors == []
    assert seen.outside(tmp_path.as_uri()) == []
