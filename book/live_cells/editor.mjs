// 书页里的编辑器：CodeMirror 6，只装写一格 Python 用得着的。由 book/vendor.py 打成一个普通脚本，交出 window.sockscopeEditor。
// 颜色不写在这里：记号的类名与 Pygments 相同，放在 .highlight 里就与没有编辑的格子同色。
import {closeBrackets, closeBracketsKeymap} from "@codemirror/autocomplete";
import {defaultKeymap, history, historyKeymap, indentWithTab} from "@codemirror/commands";
import {python} from "@codemirror/lang-python";
import {bracketMatching, indentOnInput, indentUnit, syntaxHighlighting} from "@codemirror/language";
import {EditorState} from "@codemirror/state";
import {drawSelection, EditorView, keymap} from "@codemirror/view";
import {tagHighlighter, tags as t} from "@lezer/highlight";

const PYGMENTS = tagHighlighter([
  {tag: [t.keyword, t.controlKeyword, t.definitionKeyword, t.moduleKeyword, t.operatorKeyword], class: "k"},
  {tag: [t.bool, t.null], class: "kc"},
  {tag: t.string, class: "s2"},
  {tag: t.special(t.string), class: "si"},
  {tag: t.number, class: "mi"},
  {tag: t.comment, class: "c1"},
  {tag: t.operator, class: "o"},
  {tag: t.function(t.definition(t.variableName)), class: "nf"},
  {tag: t.definition(t.className), class: "nc"},
  {tag: t.meta, class: "nd"},
]);

/**
 * 在 place 里开一个编辑器。
 * @param {HTMLElement} place
 * @param {string} text
 * @param {{label: string, run: (forward: boolean) => void, leave: () => void, changed: (text: string) => void}} options
 *   run：Ctrl + Enter 与 Shift + Enter（后者去下一格）；leave：Esc
 */
export function open(place, text, {label, run, leave, changed}) {
  const call = (what) => () => { what(); return true; };
  const keys = [
    {key: "Mod-Enter", run: call(() => run(false))}, {key: "Shift-Enter", run: call(() => run(true))},
    {key: "Escape", run: call(leave)}, indentWithTab,
    ...closeBracketsKeymap, ...historyKeymap, ...defaultKeymap,
  ];
  const view = new EditorView({parent: place, state: EditorState.create({doc: text, extensions: [
    keymap.of(keys), history(), drawSelection(), indentOnInput(), bracketMatching(), closeBrackets(), indentUnit.of("    "),
    python(), syntaxHighlighting(PYGMENTS), EditorView.lineWrapping,
    EditorView.contentAttributes.of({"aria-label": label}),
    EditorView.updateListener.of((update) => update.docChanged && changed(update.state.doc.toString())),
  ]})});
  return {
    get text() { return view.state.doc.toString(); },
    set text(now) { view.dispatch({changes: {from: 0, to: view.state.doc.length, insert: now}}); },
    focus: () => view.focus(),
  };
}
