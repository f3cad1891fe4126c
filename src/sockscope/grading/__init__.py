"""练习与批改：学生用 ``check("lab05.half_close")`` 自检，教师用 ``python -m sockscope.grading`` 批改。

同一批考官做两件事：自检时学生的代码在他自己的机器上、一个新进程里；批改时还要关进沙箱。
"""

from sockscope.grading.exam.c_magic import attach as _attach
from sockscope.grading.exam.selfcheck import check

__all__ = ["check"]

_attach()  # 在 JupyterLab 里，答题格可以写 %%c
