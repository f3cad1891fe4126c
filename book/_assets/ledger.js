// 账本的筛选：裁决、凭什么成立、章、文字。表里本来就是全部说法；没有脚本时一条不少。选了什么写在地址里，可以发给别人。

(() => {
  const FIELDS = [["verdict", "裁决", ["成立", "不成立", "看系统"]], ["holds", "凭什么", ["POSIX", "RFC", "各系统", "Linux", "C", "Python"]],
    ["chapter", "章", []]];
  const make = (tag, fields = {}, ...children) => {
    const node = Object.assign(document.createElement(tag), fields);
    node.append(...children);
    return node;
  };

  function filter(frame) {
    const rows = [...frame.querySelectorAll("tbody tr")];
    const asked = new URLSearchParams(location.search);
    const chosen = Object.fromEntries(FIELDS.map(([name]) => [name, asked.get(name) ?? ""]));
    const words = make("input", {type: "search", placeholder: "说法里的字", value: asked.get("words") ?? "", autocomplete: "off"});
    words.setAttribute("aria-label", "说法里的字");
    const status = make("p", {className: "shown"});
    status.setAttribute("role", "status");
    const groups = FIELDS.map(([name, label, order]) => {
      const met = new Set(rows.map((row) => row.dataset[name]));
      const values = [...order.filter((value) => met.has(value)), ...[...met].filter((value) => !order.includes(value))];
      const buttons = ["", ...values].map((value) => make("button", {type: "button", value,
        onclick: () => { chosen[name] = value; show(); }}));
      const group = make("div", {className: "choices"}, make("span", {textContent: label}), make("div", {}, ...buttons));
      group.setAttribute("role", "group");
      group.setAttribute("aria-label", label);
      return {name, buttons, group};
    });

    /** 一行合不合；without 是不看的那一项，用来数每个按钮后面还有几条。 */
    const fits = (row, without) => FIELDS.every(([name]) => name === without || !chosen[name] || row.dataset[name] === chosen[name])
      && row.textContent.toLowerCase().includes(words.value.trim().toLowerCase());

    function show() {
      for (const row of rows) row.hidden = !fits(row);
      for (const {name, buttons} of groups) for (const button of buttons) {
        const count = rows.filter((row) => fits(row, name) && (!button.value || row.dataset[name] === button.value)).length;
        button.replaceChildren(`${button.value || "全部"} `, make("small", {textContent: count}));
        button.setAttribute("aria-pressed", chosen[name] === button.value);
        button.disabled = !count && chosen[name] !== button.value;
      }
      const left = rows.filter((row) => !row.hidden).length;
      status.textContent = left === rows.length ? `共 ${rows.length} 条。` : `${rows.length} 条里的 ${left} 条。`;
      const query = new URLSearchParams(Object.entries({...chosen, words: words.value.trim()}).filter(([, value]) => value));
      history.replaceState(null, "", `${query.size ? `?${query}` : location.pathname}${location.hash}`);
    }

    words.addEventListener("input", show);
    frame.prepend(make("div", {className: "filter"}, ...groups.map(({group}) => group), words, status));
    show();
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target && frame.contains(target)) target.scrollIntoView();
  }

  document.querySelectorAll(".sockscope-ledger-filter").forEach(filter);
})();
