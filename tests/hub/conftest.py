"""这里的测试要装着 JupyterHub 的环境。"""

from importlib.util import find_spec

import pytest

if find_spec("ltiauthenticator") is None:
    raise pytest.UsageError("tests/hub 要装着 JupyterHub 的环境：运行 make test-hub。")
