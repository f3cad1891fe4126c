"""交换处：教师放出练习，学生领走、交回，都经过一个文件夹。学生和教师的 nbgrader 都读它。"""

import os
from pathlib import Path

c = get_config()  # type: ignore[name-defined]  # noqa: F821
c.CourseDirectory.course_id = "sockscope"
c.Exchange.root = os.environ.get("SOCKSCOPE_EXCHANGE", "/srv/nbgrader/exchange")
c.Exchange.timezone = os.environ.get("TZ", "Asia/Shanghai")
c.Exchange.assignment_dir = str(Path.home() / "sockscope" / "labs")  # 练习已经在学生手里，不必再领
