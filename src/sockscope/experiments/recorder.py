"""录制：全部变体，外加 ``cut_variants`` 里剪掉每一个包的样子，许多个同时做。

一次做不成，那个实验的旧录制原样留着，别的照录。做到时限才停下的、收工时才被叫醒的，``Experiment.run`` 不交出轨迹，
所以进不了录制；违反状态机的也不许录。
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from sockscope.experiments.experiment import Experiment, get, names
from sockscope.experiments.recheck import Outcome, Run, perform_all, team
from sockscope.experiments.recording import Recording
from sockscope.trace import Trace, TraceError, compare

__all__ = ["Session", "record"]


@dataclass
class Session:
    """正在重录的一个实验：旧录制、新做的、还差几次、出了什么问题。"""

    wanted: Experiment
    old: Recording
    fresh: dict[Run, Trace] = field(default_factory=dict)
    missing: int = 0
    problems: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, name: str) -> Session:
        try:
            return cls(get(name), Recording.load(name))
        except (FileNotFoundError, TraceError):
            return cls(get(name), Recording(name))

    def variants(self) -> list[Run]:
        """先要做的：每一种取值。"""
        return self._expect([Run(self.wanted.name, self.wanted.key(v)) for v in self.wanted.variants()])

    def take(self, outcome: Outcome) -> list[Run]:
        """收下一次的结果；返回由它引出的：剪掉它的每一个包。"""
        self.missing -= 1
        if outcome.trace is None:
            self.problems.append(outcome.problem)
            return []
        self.fresh[outcome.run] = outcome.trace
        if outcome.run.cut or outcome.run.key not in map(self.wanted.key, self.wanted.cut_variants()):
            return []
        return self._expect([replace(outcome.run, cut=s) for s in dict.fromkeys(outcome.trace.signatures)])

    def _expect(self, runs: list[Run]) -> list[Run]:
        self.missing += len(runs)
        return runs

    def made(self, force: bool) -> Recording:
        """新的录制，次序与 ``variants()`` 相同；还用得上的旧录制原样留下。"""
        new = Recording(self.wanted.name)
        for key in map(self.wanted.key, self.wanted.variants()):
            new.variants[key] = self._chosen(Run(new.experiment, key), self.old.variants.get(key), force)
        for key in map(self.wanted.key, self.wanted.cut_variants()):
            before = self.old.drops.get(key, {})
            new.drops[key] = {s: self._chosen(Run(new.experiment, key, s), before.get(s), force)
                              for s in dict.fromkeys(self.fresh[Run(new.experiment, key)].signatures)}
        return new

    def _chosen(self, run: Run, before: Trace | None, force: bool) -> Trace:
        fresh = self.fresh[run]
        return fresh if force or before is None or not alike(before, fresh) else before

    def save(self, force: bool) -> str:
        """写下新的录制；返回一句话：变了多少。"""
        new, old = self.made(force), self.old
        new.save()
        changed = sum(trace != old.variants.get(key) for key, trace in new.variants.items())
        recut = sum(trace != old.drops.get(key, {}).get(s) for key, cuts in new.drops.items() for s, trace in cuts.items())
        return (f"{new.experiment}：{len(new.variants)} 个变体中 {changed} 个、"
                f"{sum(map(len, new.drops.values()))} 种剪法中 {recut} 种与旧录制不同。")


def alike(before: Trace, fresh: Trace) -> bool:
    """旧的还用得上：规范形式相同，网线和内核参数也是同一套。"""
    same = all(before.settings.get(name) == fresh.settings.get(name) for name in ("table", "quickack", "rto_min"))
    return same and before.cables == fresh.cables and compare(before, fresh) is None


def record(wanted: Iterable[str] = (), *, force: bool = False, workers: int = 0,
           on_progress: Callable[[int, int], None] = lambda done, total: None) -> Iterator[tuple[str, list[str]]]:
    """重录这些实验（缺省是全部），录完一个存一个，交出一句话和它的问题；``on_progress(做完几次, 已知共几次)``。"""
    sessions = {name: Session.of(name) for name in wanted or names()}
    runs = [run for session in sessions.values() for run in session.variants()]
    total, done = len(runs), 0

    def then(outcome: Outcome) -> list[Run]:
        nonlocal total
        more = sessions[outcome.run.experiment].take(outcome)
        total += len(more)
        return more

    with team(workers) as pool:
        for outcome in perform_all(pool, runs, then):
            done += 1
            on_progress(done, total)
            session = sessions[outcome.run.experiment]
            if not session.missing:
                yield (f"{session.wanted.name}：{len(session.problems)} 次没有做成，旧录制留着。", session.problems) \
                    if session.problems else (session.save(force), [])
