// 检索怎样排次序。不碰网页：浏览器、Node 都用它（tests/browser/test_search.py 用同一份）。
//
//   const engine = sockscopeSearch(index);                  index 由 book/ext/search_index.py 写成
//   engine.find("recv 返回 0") → {hits, words, loose}        hits 由好到次，每个 {section, score}
//
// 问的话先切开：认得的词（术语和它的别名、调用、选项、错误码、状态）整个取出来，其余照空格和中英文的边界。一节要每一段都有才算
// 找到；一处也没有的时候，才放宽成有几段算几段（loose）。分数先看教它的地方，再看标题、日志原话，最后才是正文里提到几次。

(() => {
  const HAN = "\\u3400-\\u4dbf\\u4e00-\\u9fff";
  const RUN = new RegExp(`[${HAN}]+|[a-z0-9_]+(?:[.:/*+'-]+[a-z0-9_]+)*`, "g");
  const IDLE = /为什么|怎么办|怎么样|怎么|怎样|如何|什么是|是什么意思|什么意思|是什么|有什么|请问|[吗呢吧啊的了]/g;
  const WEIGHTS = {first: 70, taught: 24, begun: 30, exact: 45, whole: 55, title: 26, above: 7, lines: 20, text: 9, names: 3};

  /** 全角换成半角，大写换成小写；不改变长度，所以摘要对得上原文。 */
  const fold = (text) => text.replace(/[！-～]/g, (c) => String.fromCharCode(c.charCodeAt(0) - 0xfee0)).toLowerCase();
  /** 名字比较时不看空格、下划线、连字符、括号。 */
  const squash = (text) => fold(text).replace(/[\s_\-‑·、，。？！：；（）()“”"'`’/?!,;:]+/g, "");
  const latin = (text) => /^[\x00-\x7f]+$/.test(text);
  const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

  /** 一个写法在文字里的样子：拉丁字母的要从词头开始；begun 是还没有打完的词，后面可以还有字。 */
  function shape(form, begun) {
    const word = form.endsWith("()") ? form.slice(0, -2) : form;
    const quick = word.split(" ")[0];  // 粗看：没有它就不必细看
    if (!latin(form)) return Object.assign(new RegExp(escaped(form), "g"), {quick: form});
    return Object.assign(new RegExp(`(?<![a-z0-9_])${escaped(word).replace(/ /g, "[ _-]?")}${begun ? "" : "(?![a-z0-9_])"}`, "g"), {quick});
  }

  /** 差一个字母，或者相邻两个换了位置。 */
  function slip(a, b) {
    if (Math.abs(a.length - b.length) > 1) return false;
    let i = 0;
    while (i < a.length && a[i] === b[i]) i++;
    const rest = (x, y) => a.slice(i + x) === b.slice(i + y);
    return rest(1, 1) || rest(1, 0) || rest(0, 1) || (a[i] === b[i + 1] && a[i + 1] === b[i] && rest(2, 2));
  }

  window.sockscopeSearch = function sockscopeSearch(index) {
    const sections = index.sections.map(([page, anchor, kind, title, above, text, lines, names, worth], number) => ({
      number, page: index.pages[page][0], book: index.pages[page][1], anchor, kind: index.kinds[kind], title, above, text, lines,
      worth: worth / 100, low: {title: fold(title), above: fold(`${index.pages[page][1]} ${above}`), text: fold(text),
        lines: fold(lines), names: fold(names)}, bare: squash(title)}));
    const words = index.words.map(([name, others, places]) => ({
      name, places, forms: [...new Set([name, ...others].map(fold))], ranks: new Map(places.map((place, rank) => [place, rank]))}));
    const known = new Map();  // 压紧的写法 → 词
    const learn = (form, word) => { const key = squash(form); if (key && !known.has(key)) known.set(key, word); };
    for (const word of words) learn(word.name, word);  // 本来的名字先于别名
    for (const word of words) for (const form of word.forms) learn(form, word);
    const longest = Math.max(...[...known.keys()].map((key) => key.length));

    // ------------------------------------------------------------ 切开

    const plain = (text, begun = false, must = true) => ({text, forms: [text], begun, must, word: null});
    const named = (word, text, begun = false) => ({text, forms: word.forms, begun, must: true, word});

    /** 汉字的一串：从左到右取认得的最长的词，剩下的各是一段。 */
    function split(run) {
      const found = [];
      let rest = "";
      const flush = () => { if (rest) found.push(plain(rest, false, rest.length > 1)); rest = ""; };
      for (let i = 0; i < run.length;) {
        let n = Math.min(longest, run.length - i);
        while (n > 1 && !known.has(run.slice(i, i + n))) n--;
        if (n > 1) { flush(); found.push(named(known.get(run.slice(i, i + n)), run.slice(i, i + n))); i += n; }
        else rest += run[i++];
      }
      flush();
      return found;
    }

    /** 问的话 → 一段一段。整句就是一个词的，whole 为真时不再切开。 */
    function parse(query, whole) {
      const low = fold(query).trim();
      const stripped = low.replace(IDLE, " ");
      const word = known.get(squash(low)) ?? known.get(squash(stripped));
      if (whole) return word ? [named(word, low, latin(low))] : [];
      const runs = (/\S/.test(stripped) ? stripped : low).match(RUN) ?? [];
      const units = [];
      for (let i = 0; i < runs.length;) {
        let n = Math.min(i ? 5 : runs.length - 1 || 1, runs.length - i);
        while (n > 0 && !known.has(squash(runs.slice(i, i + n).join("")))) n--;
        if (n > 0) units.push(named(known.get(squash(runs.slice(i, i + n).join(""))), runs.slice(i, i + n).join(" ")));
        else units.push(...(latin(runs[i]) ? [plain(runs[i])] : split(runs[i])));
        i += n || 1;
      }
      const last = units.at(-1);
      if (last && latin(last.text) && !/\s$/.test(query)) last.begun = last.text.length > 1;
      return units;
    }

    // ------------------------------------------------------------ 打分

    /** 出现几次，数到二十为止。 */
    function count(pattern, text) {
      if (!text.includes(pattern.quick)) return 0;
      pattern.lastIndex = 0;
      let n = 0;
      while (n < 20 && pattern.exec(text)) n++;
      return n;
    }

    /** 一段在一节的文字里的分数，没有则为 0。 */
    function score(unit, section) {
      const low = section.low;
      let [title, above, lines, text, names] = [0, 0, 0, 0, 0];
      for (const pattern of unit.shapes) {
        title ||= count(pattern, low.title) && Math.sqrt(unit.text.length / Math.max(unit.text.length, section.bare.length));
        above ||= count(pattern, low.above);
        lines ||= count(pattern, low.lines);
        text += count(pattern, low.text);
        names ||= count(pattern, low.names);
      }
      return WEIGHTS.title * title + WEIGHTS.above * Math.min(1, above) + WEIGHTS.lines * Math.min(1, lines)
        + WEIGHTS.text * text / (text + 2) * (400 / (400 + section.text.length) + 0.5) + WEIGHTS.names * Math.min(1, names);
    }

    /** 这一节是不是教它的地方。 */
    function taught(unit, section) {
      const rank = unit.word?.ranks.get(section.number);
      return rank === undefined ? 0 : rank === 0 ? WEIGHTS.first : WEIGHTS.taught / (1 + rank / 3);
    }

    /** 拉丁字母的一段哪里也没有：换成只差一个字母的认得的词。 */
    function mended(unit) {
      const key = squash(unit.text);
      if (unit.word || !latin(unit.text) || key.length < 4) return null;
      for (const [other, word] of known) if (latin(other) && other.length > 3 && slip(key, other)) return named(word, word.name);
      return null;
    }

    /** 汉字的一段哪里也没有：换成它的相邻两字，各算一段。 */
    function pieces(unit) {
      if (unit.word || latin(unit.text) || unit.text.length < 4) return null;
      return [...unit.text].slice(1).map((c, i) => plain(unit.text[i] + c));
    }

    function table(unit) {
      unit.shapes = unit.forms.map((form) => shape(form, unit.begun && form === unit.forms[0]));
      if (unit.begun && unit.word) unit.shapes.push(shape(unit.text, true));
      const scores = sections.map((section) => score(unit, section) || taught(unit, section) / 100);
      const found = scores.reduce((n, each) => n + (each > 0), 0);
      return {unit, scores, found, rare: found ? Math.log(1 + sections.length / found) / Math.log(1 + sections.length) : 0};
    }

    /** 照切开的几段排：{hits, shapes, loose}。 */
    function ranked(units, bare) {
      let loose = false;
      const tables = units.flatMap((unit) => {
        const made = table(unit);
        if (made.found || !unit.must) return [made];
        const other = mended(unit);
        if (other) return [table(other)];
        const parts = pieces(unit)?.map(table).filter((part) => part.found);
        if (parts && parts.length >= (unit.text.length - 1) / 2) { loose = true; return parts; }
        return [made];
      });
      const alone = 0.35 + 0.65 / Math.max(1, tables.length);  // 问了几个词，就不能只看其中一个教在哪里
      const needed = tables.filter((each) => each.unit.must);
      const musts = needed.length ? needed : tables;
      const rank = (all) => sections.flatMap((section) => {
        const have = musts.filter((each) => each.scores[section.number] > 0).length;
        const home = tables.some(({unit}) => unit.word?.ranks.get(section.number) === 0);  // 教其中一个词的，少几个词也算
        if (!have || (all ? have < musts.length && !home : have < musts.length / 2)) return [];
        const sum = tables.reduce((total, each) => total + each.scores[section.number] * (0.35 + each.rare)
          + taught(each.unit, section) * alone, 0);
        const titled = musts.filter(({unit}) => unit.shapes.some((pattern) => count(pattern, section.low.title))).length;
        const whole = musts.length > 1 ? WEIGHTS.whole * (titled / musts.length) ** 2 : 0;
        const exact = section.bare === bare ? WEIGHTS.exact * section.worth : 0;
        return [{section, whole: have === musts.length, score: (sum + whole + exact) * (have / musts.length) ** 2 * (0.25 + 0.75 * section.worth)}];
      });
      let hits = !loose && musts.every((each) => each.found) ? rank(true) : [];
      if (!hits.some((hit) => hit.whole)) hits = [];
      if (!hits.length && musts.length > 1 && musts.some((each) => each.found)) { loose = true; hits = rank(false); }
      hits.sort((a, b) => b.score - a.score || a.section.number - b.section.number);
      return {hits, shapes: tables.flatMap(({unit}) => unit.shapes), loose};
    }

    /** 还没有打完的：以它开头的词，教那个词的一节往前挪，打得越完越往前。 */
    function begun(bare, hits) {
      if (bare.length < (latin(bare) ? 3 : 2)) return hits;
      const near = new Map();
      for (const [key, word] of known) if (key.startsWith(bare)) {
        near.set(word.places[0], Math.max(near.get(word.places[0]) ?? 0, (WEIGHTS.begun * bare.length) / key.length));
      }
      if (!near.size) return hits;
      const all = new Map(hits.map((hit) => [hit.section.number, {...hit}]));
      for (const [number, more] of near) {
        const hit = all.get(number) ?? {section: sections[number], score: 0};
        all.set(number, {...hit, score: hit.score + more * sections[number].worth});
      }
      return [...all.values()].sort((a, b) => b.score - a.score || a.section.number - b.section.number);
    }

    /** 找：整句是一个词的在前，再是切开以后每一段都有的。limit 是至多几处。 */
    function find(query, limit = 1000) {
      const bare = squash(query);
      if (!bare) return {hits: [], words: [], loose: false};
      const whole = ranked(parse(query, true), bare);
      const units = parse(query, false);
      const apart = whole.hits.length && units.length < 2 ? {hits: [], shapes: [], loose: false} : ranked(units, bare);
      const first = new Set(whole.hits.map((hit) => hit.section));
      const rest = whole.hits.length && apart.loose ? [] : apart.hits.filter((hit) => !first.has(hit.section));
      return {hits: [...whole.hits, ...(whole.hits.length ? rest : begun(bare, rest))].slice(0, limit), words: [...whole.shapes, ...apart.shapes],
        loose: !whole.hits.length && apart.loose};
    }

    /** 地址打错了：文件名像这个词的书页（404 页用）。 */
    function pages(word) {
      const key = squash(word);
      return key.length < 4 ? [] : sections.filter((section) => !section.anchor && !section.kind
        && section.page.split(/[/_]/).some((part) => part === key || slip(part, key))).map((section) => ({section, score: 0}));
    }

    // ------------------------------------------------------------ 摘要

    /** 一节里词的周围：[[文字, 是不是词], …]。日志原话里有的，先取它。 */
    function excerpt({section}, patterns, room = 96) {
      const source = [section.lines, section.text].find((text) => text && marks(text, patterns).length) ?? section.text;
      const found = marks(source, patterns);
      const start = Math.max(0, (found[0]?.[0] ?? 0) - room / 4);
      const end = Math.min(source.length, start + room);
      const cut = [];
      let at = start;
      for (const [from, to] of found) {
        if (from < at || to > end) continue;
        cut.push([source.slice(at, from), false], [source.slice(from, to), true]);
        at = to;
      }
      cut.push([source.slice(at, end) + (end < source.length ? "…" : ""), false]);
      if (start > 0) cut.unshift(["…", false]);
      return cut.filter(([text]) => text);
    }

    /** 词在文字里的每一处：[[从, 到], …]，照次序，不相交。 */
    function marks(text, patterns) {
      const low = fold(text);
      return patterns.flatMap((pattern) => [...low.matchAll(pattern)].map((match) => [match.index, match.index + match[0].length]))
        .filter(([from, to]) => to > from).sort((a, b) => a[0] - b[0] || b[1] - a[1]);
    }

    return {find, pages, excerpt, marks, sections};
  };
})();
