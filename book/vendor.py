"""重新取来书页用的第三方脚本：python book/vendor.py（需要 npm）。

只留书页真正用到的文件和许可证；版本钉死在下面的表里。
"""

from __future__ import annotations

import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from sockscope.terminal import Parser, speak_chinese

VENDOR = Path(__file__).parent / "_assets" / "vendor"

# 目录名：(npm 包名, 版本, 要留下的文件)
PACKAGES = {
    "fzstd": ("fzstd", "0.1.1", ["umd/index.js", "LICENSE"]),
    "dompurify": ("dompurify", "3.5.0", ["dist/purify.min.js", "LICENSE"]),
}
EDITOR = Path(__file__).parent / "live_cells"  # 编辑器由许多小包打成一个文件；版本钉在 package-lock.json 里


def fetch(name: str, version: str, folder: Path) -> tarfile.TarFile:
    """下载一个 npm 包，返回打开的归档。"""
    packed = subprocess.run(
        ["npm", "pack", "--silent", f"{name}@{version}"], cwd=folder, check=True, capture_output=True, text=True)
    return tarfile.open(folder / packed.stdout.split()[-1])


def bundle(target: Path) -> None:
    """把编辑器打成一个脚本；它用到的每个包的许可证接成一份。"""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--silent"], cwd=EDITOR, check=True)
    subprocess.run(["npx", "esbuild", "editor.mjs", "--bundle", "--minify", "--format=iife", "--target=es2022",
                    "--global-name=sockscopeEditor", "--legal-comments=none", "--log-level=warning",
                    f"--outfile={target / 'editor.js'}"], cwd=EDITOR, check=True)
    licences = sorted(path for path in EDITOR.glob("node_modules/**/LICENSE") if "esbuild" not in str(path))
    (target / "LICENSE").write_text("".join(
        f"{path.parent.relative_to(EDITOR / 'node_modules')}\n\n{path.read_text(encoding='utf-8')}\n" for path in licences))


def main() -> None:
    speak_chinese()
    Parser(description="重新取来书页用的第三方脚本，放进 book/_assets/vendor/；需要 npm。").parse_args()
    for target, (name, version, wanted) in PACKAGES.items():
        shutil.rmtree(VENDOR / target, ignore_errors=True)
        (VENDOR / target).mkdir(parents=True)
        with tempfile.TemporaryDirectory() as folder, fetch(name, version, Path(folder)) as archive:
            for path in wanted:
                source = archive.extractfile(f"package/{path}")
                assert source, path
                (VENDOR / target / Path(path).name).write_bytes(source.read())
        print(f"• {name} {version}")
    bundle(VENDOR / "codemirror")
    print("• codemirror")


if __name__ == "__main__":
    main()
