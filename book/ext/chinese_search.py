"""中文检索：把连续的汉字切成单字和相邻两字，索引时与查询时用同一种切法。

Sphinx 自带的中文检索靠分词，词典里没有的术语（“半关闭”）就搜不到；相邻两字不需要词典。
查询只用两字片段（一个字的查询用单字），每个片段都要在同一页上，才算找到。
"""

from __future__ import annotations

import re
from itertools import pairwise

from sphinx.application import Sphinx
from sphinx.search import SearchLanguage

HAN = r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_RUN = re.compile(rf"[{HAN}]+|[^\W{HAN}]+")
_HAN = re.compile(rf"[{HAN}]")


def index_words(text: str) -> list[str]:
    """切出要进索引的词：汉字取单字与相邻两字，其余取整个单词。"""
    words = []
    for run in _RUN.findall(text):
        if _HAN.match(run):
            words += [*run, *map("".join, pairwise(run))]
        else:
            words.append(run)
    return words


# 与 index_words 相同的切法，但查询时两字以上不再查单字；另外三处修正见行内说明。
QUERY_SCRIPT = r"""
var splitQuery = (query) => (query.match(/[HAN]+|(?:(?![HAN])[\p{L}\p{N}_])+/gu) || [])
  .flatMap((run) => /^[HAN]{2,}$/.test(run) ? [...run].slice(1).map((c, i) => run[i] + c) : [run]);

if (typeof Search !== "undefined") {
  // 汉字片段只有两个字，Sphinx 会把它们当作可有可无的短词；这里要求每个片段都出现。
  const loose = Search.performTermsSearch;
  const pages = (table, term) => Object.keys(table)
    .filter((key) => key === term || (term.length > 2 && key.includes(term))).flatMap((key) => table[key]);
  Search.performTermsSearch = (required, excluded) => {
    const {terms, titleterms, docnames} = Search._index;
    const found = [...required].map((term) => new Set([...pages(terms, term), ...pages(titleterms, term)]));
    return loose(required, excluded).filter(([name]) => found.every((set) => set.has(docnames.indexOf(name))));
  };
  // 摘要只取正文，不取按钮和目录。
  Search.htmlToText = (html) => {
    const article = new DOMParser().parseFromString(html, "text/html").querySelector(".bd-article");
    article?.querySelectorAll("h1, .headerlink, script, style, svg, table").forEach((part) => part.remove());
    return (article?.textContent ?? "").replace(/\s+/g, " ").trim();
  };
  // 高亮读者输入的整个词，而不是它的片段。
  const parse = Search._parseQuery;
  Search._parseQuery = (query) => {
    const parsed = parse(query);
    parsed[3] = new Set(query.toLowerCase().trim().split(/\s+/));
    localStorage.setItem("sphinx_highlight_terms", [...parsed[3]].join(" "));
    return parsed;
  };
}
""".replace("HAN", HAN)


class ChineseSearch(SearchLanguage):
    """登记给 Sphinx 的检索语言。"""

    lang = "zh_CN"
    language_name = "Chinese"
    js_splitter_code = QUERY_SCRIPT

    def split(self, input: str) -> list[str]:
        return index_words(input)

    def word_filter(self, word: str) -> bool:
        return bool(word)


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_search_language(ChineseSearch)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
