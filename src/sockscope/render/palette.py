"""颜色与线型：Okabe–Ito 一系，色觉异常的读者也分得开，而且从不只靠颜色（线型、粗细、箭头、文字各有不同）。

样式写在每张 SVG 里，不依赖页面；颜色是 CSS 自定义属性，随操作系统、Sphinx 主题、JupyterLab 的明暗而变，
打印时一律白底。每条声明写两遍：先写死的颜色，再写 ``var()``，不认识 ``var()`` 的 PDF 转换器用前一条。
"""

from __future__ import annotations

from functools import cache

__all__ = ["COLOURS", "PACKET_STYLES", "STATES", "chart_stylesheet", "machine_stylesheet", "properties", "stylesheet"]

# 名字: (亮, 暗)
COLOURS = {
    "ink": ("#1b2330", "#e7eaef"),
    "soft": ("#5a6573", "#a3adb9"),
    "faint": ("#c3cad3", "#4a5462"),
    "grid": ("#e6e9ee", "#2a313b"),
    "paper": ("#ffffff", "#14181e"),
    "syn": ("#00775a", "#3fcf9f"),
    "data": ("#0063a8", "#66b6f5"),
    "fin": ("#9c5200", "#f2a93b"),
    "rst": ("#c22a14", "#ff7f66"),
    "ack": ("#687380", "#8793a0"),
    "again": ("#a1337a", "#ea94c6"),
    "alive": ("#5346c4", "#aea6ff"),
    "icmp": ("#75610a", "#dccb57"),
    "opening": ("#c6eadc", "#14493b"),
    "open": ("#cbdff5", "#1d426b"),
    "leaving": ("#fadca9", "#5c4310"),
    "left": ("#f0d0e6", "#5a2f57"),
    "ended": ("#dce0e6", "#363f4b"),
}
# 图上没有，页面才用得着的：表格与方框的线，垫底的浅色
PAGE = {"line": ("#d8dde3", "#333c47"), "tint": ("#f4f6f8", "#1b2229")}
# 页面上的用处: 它是哪一种颜色。ground 是书页自己的底色；paper 跟随图所在的页面
ROLES = {"accent": "syn", "warm": "fin", "alarm": "rst", "ground": "paper"}
# 种类: (颜色, 线宽, 虚线)
PACKET_STYLES = {
    "syn": ("syn", 1.8, ""), "data": ("data", 1.8, ""), "fin": ("fin", 1.8, ""), "rst": ("rst", 2.4, ""),
    "ack": ("ack", 0.9, ""), "again": ("again", 1.8, "7 4"), "alive": ("alive", 1.6, "1.5 4"),
    "probe": ("alive", 1.6, "1.5 4"), "zero": ("rst", 1.2, ""), "datagram": ("data", 1.8, ""),
    "icmp": ("icmp", 1.8, "9 3 2 3"), "echo": ("data", 1.8, ""), "init": ("syn", 1.8, ""), "chunk": ("data", 1.8, ""),
    "sack": ("ack", 0.9, ""), "shutdown": ("fin", 1.8, ""), "abort": ("rst", 2.4, ""), "other": ("soft", 1.4, ""),
}
STATES = {
    "SYN_SENT": "opening", "SYN_RECV": "opening", "ESTABLISHED": "open", "FIN_WAIT1": "leaving",
    "FIN_WAIT2": "leaving", "CLOSING": "leaving", "CLOSE_WAIT": "left", "LAST_ACK": "left",
    "TIME_WAIT": "ended", "CLOSE": "ended", "LISTEN": "paper",
}
READY = {"IN": "data", "PRI": "alive", "OUT": "syn", "RDHUP": "fin", "HUP": "again", "ERR": "rst"}
QUEUES = {"receive": "data", "send": "syn", "accept": "fin"}
INKS = {"opening": "syn", "open": "data", "leaving": "fin", "left": "again", "ended": "soft", "paper": "soft"}
SANS = '-apple-system,"PingFang SC","Microsoft YaHei","Noto Sans CJK SC","Source Han Sans SC",system-ui,sans-serif'
MONO = ('ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono","Liberation Mono",'
        '"PingFang SC","Microsoft YaHei","Noto Sans CJK SC",monospace')


PAPER = "var(--pst-color-background,var(--jp-layout-color0,{}))"  # 书页的，JupyterLab 的，都没有才是自己的


def _declared(colours: dict[str, tuple[str, str]], which: int, paper: str) -> str:
    rules = [f"--ss-{name}:{pair[which]}" for name, pair in colours.items() if name != "paper"]
    return ";".join([*rules, f"--ss-paper:{paper}"])


def _themes(colours: dict[str, tuple[str, str]], where: str) -> list[str]:
    """``where``（空的是整页）之内的颜色：跟随操作系统、书页、JupyterLab 的明暗，打印时一律白底。"""
    light, dark = (_declared(colours, which, PAPER.format(COLOURS["paper"][which])) for which in (0, 1))
    inside = f" {where}" if where else ""
    paper = f"html:root {where}{where}" if where else "html:root:root,html:root body"
    return [
        f"{where or ':root'}{{{light}}}",
        f"@media (prefers-color-scheme:dark){{{where or ':root'}{{{dark}}}}}",
        f'html[data-theme="light"]{inside},body[data-jp-theme-light="true"]{inside}{{{light}}}',
        f'html[data-theme="dark"]{inside},body[data-jp-theme-light="false"]{inside}{{{dark}}}',
        f"@media print{{{paper}{{{_declared(colours, 0, '#fff')}}}}}",
    ]


@cache
def properties() -> str:
    """页面的自定义属性：书页、部件、表和反馈的 CSS 里没有一个颜色，都是这里的 ``--ss-…``，所以与图上的同名同色。"""
    roles = {role: COLOURS[name] for role, name in ROLES.items()}
    return "\n".join([*_themes(COLOURS | PAGE | roles, ""), ""])


def _paint(selector: str, **colours: str) -> str:
    """``_paint(".line", stroke="ack")``：每条声明先写亮色，再写 var()。"""
    body = "".join(f"{p.replace('_', '-')}:{COLOURS[c][0]};{p.replace('_', '-')}:var(--ss-{c});"
                   for p, c in colours.items())
    return f".sockscope {selector}{{{body}}}"


@cache
def stylesheet() -> str:
    """一张图自带的样式表。"""
    return "".join(_themes(COLOURS, ".sockscope") + _texts() + _shapes() + _packets() + _states() + _readiness() + _queues())


@cache
def machine_stylesheet() -> str:
    """状态图的样式表：同样的颜色，边按起因分三种。"""
    rules = [f".sockscope.machine text{{font-size:11.5px}}.sockscope.machine .name{{font:600 11.5px {MONO}}}",
             ".sockscope.machine .bar{stroke-width:1.2px}.sockscope.machine .halo{stroke-width:4px}",
             _paint(".node .bar", stroke="faint"), _paint(".node.hot .bar", stroke="ink"),
             ".sockscope .node.hot .bar{stroke-width:2.4px;fill-opacity:1}",
             ".sockscope .edge .line{stroke-width:1.3px}.sockscope .edge.hot .line{stroke-width:3px}",
             ".sockscope .edge .near{fill:none;stroke:transparent;stroke-width:14px}.sockscope .edge text{pointer-events:all}"
             ".sockscope a:is(:hover,:focus-visible) .edge .line{stroke-width:3px}.sockscope a:is(:hover,:focus-visible) text{"
             "text-decoration:underline}.sockscope.machine a:focus-visible{outline:none}",
             ".sockscope .by-timeout .line{stroke-dasharray:4 3}.sockscope .edge.hot text{font-weight:700}"]
    for kind, colour in (("call", "data"), ("rcv", "syn"), ("timeout", "soft")):
        rules.append(_paint(f".by-{kind} .line", stroke=colour))
        rules.append(_paint(f".by-{kind} .head,.sockscope .by-{kind} text", fill=colour))
    return stylesheet() + "".join(rules)


@cache
def chart_stylesheet() -> str:
    """统计图的样式表：第一种语言是实心的山，第二种是虚线的轮廓；一族一色，一员一种虚实。"""
    rules = [f".sockscope.chart text{{font-size:12px}}.sockscope.chart .value{{font-family:{MONO}}}",
             ".sockscope.chart .tick{font-size:11px}",
             ".sockscope.chart .curve .name{font-size:11px}.sockscope.chart .area{stroke-width:1.4px;fill-opacity:.26}",
             ".sockscope.chart .tickmark{stroke-width:2px}.sockscope.chart .r1 .area{stroke-dasharray:4 2.5;fill-opacity:.1}",
             ".sockscope.chart .curve .line{stroke-width:1.8px}.sockscope.chart .m1 .line{stroke-dasharray:6 3}"
             ".sockscope.chart .m2 .line{stroke-dasharray:1.5 3.5;stroke-linecap:round}"]
    for style, colour in enumerate(("data", "fin")):
        rules.append(_paint(f".r{style} .area", fill=colour, stroke=colour))
        rules.append(_paint(f".r{style} .tickmark", stroke=colour) + _paint(f".r{style} text", fill=colour))
    for family, colour in enumerate(("data", "fin", "again")):
        rules.append(_paint(f".f{family} .line", stroke=colour))
        rules.append(_paint(f".f{family} .spot,.sockscope .f{family} text", fill=colour))
    return stylesheet() + "".join(rules)


def figures() -> str:
    """三种图共用的一份样式表：许多张图在同一页上，一页放一份。"""
    shared = stylesheet()
    return shared + "".join(sheet.removeprefix(shared) for sheet in (machine_stylesheet(), chart_stylesheet()))


def _texts() -> list[str]:
    return [
        f".sockscope{{font-family:{SANS};font-size:11px;font-variant-numeric:tabular-nums}}",
        f".sockscope .mono,.sockscope .call text,.sockscope .packet text,.sockscope .state text,"
        f".sockscope .tick{{font-family:{MONO}}}",
        _paint("text", fill="ink"),
        ".sockscope .title{font-weight:650}.sockscope .host{font-weight:650}",
        _paint(".soft,.sockscope .tick,.sockscope .result,.sockscope .fold,.sockscope .tail", fill="soft"),
        _paint(".error,.sockscope .error-tail .why", fill="rst"),
        ".sockscope .error,.sockscope .error-tail .why,.sockscope .action{font-weight:650}",
        _paint(".halo", stroke="paper"),
        ".sockscope .halo{stroke-width:3px;stroke-linejoin:round;paint-order:stroke}",
        ".sockscope .packet text{font-weight:600}.sockscope .packet .tail,.sockscope .packet .quiet"
        "{font-weight:400}",
    ]


def _shapes() -> list[str]:
    return [
        ".sockscope path,.sockscope line{fill:none}",
        _paint(".scale", stroke="soft"), ".sockscope .scale{stroke-width:1.4px}.sockscope .scale.open{stroke-dasharray:1.4 4}",
        _paint(".grid", stroke="grid"), _paint(".axis,.sockscope .life", stroke="faint"),
        ".sockscope .life{stroke-width:1.2px}.sockscope .packet .lead{stroke-width:1px}",
        _paint(".dot", fill="ink"), _paint(".ring", fill="paper", stroke="ink"),
        _paint(".wait", stroke="soft"),
        ".sockscope .wait{stroke-width:1.8px;stroke-dasharray:0.1 4;stroke-linecap:round}",
        _paint(".cause", stroke="soft"), ".sockscope .cause{stroke-width:1.1px;opacity:.9}",
        _paint(".failed:not(.waited) .dot", fill="rst"), _paint(".failed .ring", stroke="rst"),
        _paint(".cross", stroke="rst"), ".sockscope .cross{stroke-width:2.6px;stroke-linecap:round}",
        _paint(".tear", fill="paper", stroke="faint"), _paint(".outage", fill="rst"),
        ".sockscope .outage{opacity:.07}",
        _paint(".band", fill="grid", stroke="faint"), ".sockscope .band{opacity:.75}",
        _paint(".mark", stroke="rst"), ".sockscope .mark{stroke-width:1.6px;stroke-dasharray:5 3}",
        _paint(".pill", fill="paper", stroke="rst"), _paint(".action", fill="rst"),
        ".sockscope .hit{stroke:transparent;stroke-width:12px;pointer-events:stroke}",
        _paint(".rst .plate", fill="rst"), _paint(".rst .plated", fill="paper"),
    ]


def _readiness() -> list[str]:
    rules = [_paint(f".ready .{name}", fill=colour) for name, colour in READY.items()]
    return [*rules, ".sockscope .ready rect{opacity:.85}", _paint(".ready .bit", fill="paper"),
            f".sockscope .ready .bit{{font:700 11px {MONO}}}"]


def _queues() -> list[str]:
    rules = [_paint(f".queue .{name}", fill=colour) for name, colour in QUEUES.items()]
    return [*rules, _paint(".queue .trough", fill="grid"), _paint(".queue .amount", fill="ink"),
            *(f".sockscope .queue .{name}{{opacity:.45}}" for name in QUEUES), f".sockscope .queue .amount{{font-family:{MONO}}}"]


def _packets() -> list[str]:
    rules = []
    for kind, (colour, width, dash) in PACKET_STYLES.items():
        dashes = f"stroke-dasharray:{dash};" if dash else ""
        rules.append(_paint(f".{kind} .line", stroke=colour))
        rules.append(f".sockscope .{kind} .line{{stroke-width:{width}px;{dashes}}}")
        rules.append(_paint(f".{kind} .head", fill=colour))
        rules.append(_paint(f".{kind} text", fill=colour))
    return rules


def _states() -> list[str]:
    rules = [_paint(".bar", fill="faint", stroke="paper"), ".sockscope .bar{stroke-width:1px;fill-opacity:.72}",
             _paint(".bed", fill="paper"),
             _paint(".hatch", stroke="soft"), ".sockscope .hatch{stroke-width:1.1px;opacity:.5}"]
    for state, colour in STATES.items():
        rules.append(_paint(f".{state} .bar", fill=colour))
        rules.append(_paint(f".{state} .aside", fill=INKS[colour]))
    rules.append(_paint(".LISTEN .bar", stroke="faint"))
    return rules
