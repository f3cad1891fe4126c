"""地址的字节图在真实的浏览器里：打字就变，样例按得动；书页里的那份不用脚本。"""

from __future__ import annotations

import json

from playwright.sync_api import Browser, expect

from sockscope.widgets.address_explorer import HERE, SAMPLES, AddressPage, view

HOST = """
const traits = {text: "10.0.0.2:7007", html: "", samples: %s}, heard = [];
const model = {get: (name) => traits[name], set: (name, value) => { traits[name] = value; }, off: () => {},
  on: (name, callback) => heard.push(callback),
  save_changes: async () => { traits.html = await window.kernel(traits.text); heard.forEach((callback) => callback()); }};
widget.render({model, el: document.getElementById("here")});
"""


def test_typing_and_samples_ask_the_kernel(browser: Browser):
    page = browser.new_page()
    page.expose_function("kernel", view)
    page.set_content('<div id="here"></div>')
    module = (HERE / "address_explorer.js").read_text().replace("export default", "const widget =")
    page.add_script_tag(content=f"(() => {{{module}{HOST % json.dumps(list(SAMPLES.items()))}}})()")
    page.get_by_label("地址，或一段十六进制的字节").fill("01002f78")
    expect(page.locator(".sa-view")).to_contain_text("struct sockaddr_un")
    page.get_by_role("button", name="[fd00::2]:7007").click()
    expect(page.locator(".sa-bytes span")).to_have_count(28)
    expect(page.get_by_role("button", name="[fd00::2]:7007")).to_have_attribute("aria-pressed", "true")
    page.close()


def test_the_page_works_without_scripts_and_by_keyboard(browser: Browser):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.set_content(AddressPage("10.0.0.2:7007")._repr_html_())
    page.get_by_role("radio", name="10.0.0.2:7007", exact=True).focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("section:visible")).to_have_count(1)
    expect(page.locator("section:visible")).to_contain_text("INADDR_ANY")
    context.close()
