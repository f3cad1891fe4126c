# 《看得见的套接字》：直接运行 make，看有哪些命令。

VENV := .venv
PYTHON_IN_VENV := $(VENV)/bin/python
PYTEST := $(PYTHON_IN_VENV) -m pytest

.DEFAULT_GOAL := help
.PHONY: help serve test test-hub check lint book bench bench-grading matrix record compare page-kernel pdf epub handouts student release screenshots soak lock clean environment browser

help: ## 列出这些命令
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' Makefile

serve: environment ## 建好环境，在本机打开 JupyterLab 和书（书在后台构建）；ARGS=--help 说明参数
	@$(PYTHON_IN_VENV) -m sockscope.serve $(ARGS)

test: environment browser ## 构建全书，运行全部测试：内核、笔记本、书页、真实浏览器
	@$(PYTEST) -n 3 --dist loadfile --no-loadscope-reorder --max-worker-restart 0 --nbval-lax -m "not soak"

test-hub: ## 另建一个装着 JupyterHub 的环境（_build/hub/venv），真的从一个教学平台登录它
	@tools/environment _build/hub/venv hub/requirements.txt
	@_build/hub/venv/bin/python -m pytest tests/hub

check: environment lint ## 几秒钟的检查：代码风格、单元测试、仓库卫生
	@$(PYTEST) -q tests/unit tests/repo -m "not soak"

lint: environment ## 代码风格、类型与笔记本是否干净
	@$(PYTHON_IN_VENV) -m ruff check
	@$(PYTHON_IN_VENV) -m mypy
	@$(PYTHON_IN_VENV) -m sockscope.cells.notebook --check

book: environment ## 构建全书到 _build/html（只在来源变化时）
	@$(PYTHON_IN_VENV) book/build.py

bench: environment ## 测量：一次实验、一个来回、一次切换各要多久
	@$(PYTHON_IN_VENV) -m bench

bench-grading: environment ## 测量：一分钟批改多少份，与普通的 nbgrader 比；再批一千份
	@$(PYTHON_IN_VENV) -m bench.grading

matrix: environment ## 全书与全部实验，在四十种机器上各做一遍；--kernels 换内核（见 python -m bench.matrix --help）
	@$(PYTHON_IN_VENV) -m bench.matrix

record: environment ## 在这台机器的内核上重新录制全部实验与单元格
	@$(PYTHON_IN_VENV) -m sockscope record; status=$$?; $(PYTHON_IN_VENV) -m sockscope record --tools && \
		$(PYTHON_IN_VENV) -m sockscope.cells && exit $$status

compare: environment ## 你的内核与书：全部单元格和实验再做一遍，逐个比较；ARGS=--help 说明参数
	@$(PYTHON_IN_VENV) -m sockscope compare $(ARGS)

page-kernel: environment ## 做出页内内核：书页在浏览器里启动的真内核；ARGS=--relock 换成新版本的包
	@$(PYTHON_IN_VENV) book/page_kernel/build.py $(ARGS)

pdf: environment browser ## 全书的 PDF，在 _build/release；ARGS="--only chapters/05_closing" 只要一章
	@$(PYTHON_IN_VENV) book/pdf.py $(ARGS)

epub: environment browser ## 全书的电子书（EPUB 3），在 _build/release；ARGS 同上
	@$(PYTHON_IN_VENV) book/epub.py $(ARGS)

handouts: environment ## 从 teacher/ 的范例做出发给学生的 labs/
	@$(PYTHON_IN_VENV) tools/handouts

student: environment ## 给学生的一份（zip）：全书和实验，没有范例和样品答卷，在 _build/release
	@tools/student $(PYTHON_IN_VENV)

release: environment browser ## 发布的产物：wheel、教师的 wheel、学生的一份、书的 zip、PDF、EPUB、校验和，在 _build/release
	@tools/release $(PYTHON_IN_VENV)

screenshots: environment browser ## 重拍《教师手册》的画面：真的走一遍从发布到成绩表
	@$(PYTHON_IN_VENV) book/screenshots.py

soak: environment ## 长跑：反复开关网络、反复杀死进程，看有没有留下什么
	@$(PYTEST) -m soak

lock: environment ## 按 pyproject.toml 重新锁定 requirements.txt
	@tools/lock $(PYTHON_IN_VENV)

clean: ## 删去构建产物（保留 .venv）
	@rm -rf _build .pytest_cache .ruff_cache

environment:
	@tools/environment $(VENV)

browser:
	@tools/browser
