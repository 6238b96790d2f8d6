"""The report in a real browser: nothing is fetched, and every control does what it says."""

import base64
import json
import re
from pathlib import Path

import pytest

from nasbench.comparison import Verified, compare
from nasbench.report import write_report
from report.report_page import HOSTILE
from strategies import Hyperband, RandomSearch, RegularizedEvolution
from tabular import TableOracle

CHROMIUM, DRIVER = (Path("/usr/bin") / name for name in ("chromium", "chromedriver"))
pytestmark = [
    pytest.mark.world,
    pytest.mark.skipif(
        not (CHROMIUM.exists() and DRIVER.exists()), reason="needs chromium and chromedriver in /usr/bin"
    ),
]
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
)  # fmt: skip
CHART = "r1-regret-chart"


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    oracle = TableOracle("nb201-digits")
    strategies = {"random-search": RandomSearch, "hyperband": Hyperband, HOSTILE: RegularizedEvolution}
    first = compare(strategies, oracle, 25, runs=6)
    second = compare(
        {"random-search": RandomSearch, "re": RegularizedEvolution}, oracle, 15, runs=3, objectives=["flops"]
    )
    path = tmp_path_factory.mktemp("report") / "report.html"
    verified = [Verified("a", {"hyperband": 2}, 0.95, 0.01, 0.94, 0.01, (1000000,))]
    card = f"# Card\n\n{HOSTILE}\n\n| {' | '.join('abcdefghij')} |\n|{' - |' * 10}\n|{' 1234567890 |' * 10}\n"
    write_report(
        [first, second],
        path,
        verification={first.oracle: verified},
        cards={"nb201-digits": card},
        command="nasbench " * 30,
    )
    return path


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(str(DRIVER)))
    driver.set_script_timeout(30)
    driver.get("about:blank")
    driver.get_log("performance")
    yield driver
    driver.quit()


@pytest.fixture
def page(browser, report):
    """The report, freshly opened on a wide screen in the light, with all charts drawn."""
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    media(browser)
    open_at(browser, report)
    return browser


def open_at(browser, report, place=""):
    browser.get("about:blank")
    browser.get(f"{report.as_uri()}{place}")
    wait(browser, "document.documentElement.dataset.charts === 'drawn'")


def wait(browser, condition):
    from selenium.webdriver.support.ui import WebDriverWait

    WebDriverWait(browser, 30, poll_frequency=0.05).until(lambda driver: driver.execute_script(f"return {condition}"))


def media(browser, kind="", scheme="light"):
    # Scrolling that takes time would move what is clicked.
    features = [
        {"name": "prefers-color-scheme", "value": scheme},
        {"name": "prefers-reduced-motion", "value": "reduce"},
    ]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": kind, "features": features})


def find(browser, selector):
    from selenium.webdriver.common.by import By

    return browser.find_element(By.CSS_SELECTOR, selector)


def curves(browser, chart=CHART):
    """Colours of the curves that are drawn."""
    script = "return [...document.querySelectorAll(arguments[0])].map((path) => path.getAttribute('stroke'))"
    return set(browser.execute_script(script, f"#{chart} svg g.mark-line path"))


def axes(browser, chart=CHART):
    texts = "return [...document.querySelectorAll(arguments[0])].map((text) => text.textContent)"
    return browser.execute_script(texts, f"#{chart} svg .role-axis-title text"), browser.execute_script(
        texts, f"#{chart} svg .role-axis-label text"
    )


def choose(browser, switch, value):
    """Choose by a click on the label, as a reader does, and wait for the chart."""
    browser.execute_script(f"report.views['{CHART}'].stale = true")
    find(browser, f"#r1 [data-switch={switch}] input[value='{value}'] + span").click()
    wait(browser, f"report.views['{CHART}'] && !report.views['{CHART}'].stale")


def test_it_opens_from_a_disk_without_a_word_and_fetches_nothing(browser, report):
    browser.get_log("browser")
    browser.get_log("performance")
    open_at(browser, report)
    assert browser.get_log("browser") == []
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = {each["params"]["request"]["url"] for each in events if each["method"] == "Network.requestWillBeSent"}
    assert asked <= {report.as_uri(), "about:blank"}
    assert browser.title == "Search on nb201-digits"
    painted = browser.execute_script("return performance.getEntriesByType('paint').map((each) => each.name)")
    assert "first-contentful-paint" in painted


def test_legend_hides_and_shows_curves_of_all_charts(page):
    everything = curves(page)
    assert len(everything) == 3
    entry = find(page, "#r1-regret .entry[data-strategy=hyperband]")
    colour = entry.find_element("css selector", "line").get_attribute("stroke")
    entry.click()
    assert entry.get_attribute("aria-pressed") == "false"
    for chart in (CHART, "r1-ranks-chart"):
        wait(page, f"document.querySelectorAll('#{chart} svg g.mark-line path').length === 2")
        assert curves(page, chart) == everything - {colour}
    find(page, "#r1-regret [data-legend=none]").click()
    wait(page, f"document.querySelectorAll('#{CHART} svg g.mark-line path').length === 0")
    find(page, "#r1-regret [data-legend=all]").click()
    wait(page, f"document.querySelectorAll('#{CHART} svg g.mark-line path').length === 3")
    assert curves(page) == everything
    assert page.get_log("browser") == []


def test_legend_can_be_used_by_keyboard(page):
    from selenium.webdriver.common.keys import Keys

    entry = find(page, "#r1-regret .entry[data-strategy=hyperband]")
    entry.send_keys(Keys.SPACE)
    wait(page, f"document.querySelectorAll('#{CHART} svg g.mark-line path').length === 2")
    outline = page.execute_script("return getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"


def test_switches_change_axes_and_curves(page):
    (across, up), _ = axes(page)
    assert (across, up) == ("evaluations", "regret of test accuracy (%)")
    scale = f"return report.views['{CHART}'].scale('y').type"
    assert page.execute_script(scale) == "log"
    choose(page, "unit", "seconds")
    assert axes(page)[0][0] == "simulated training time (s)"
    choose(page, "report", "digits/validation_accuracy@12")
    assert axes(page)[0][1] == "regret of validation accuracy (%)"
    choose(page, "y", "linear")
    assert page.execute_script(scale) == "linear"
    assert axes(page)[1].count("0") >= 1
    choose(page, "x", "linear")
    assert page.execute_script(f"return report.views['{CHART}'].scale('x').type") == "linear"
    choose(page, "band", "off")
    assert page.execute_script(f"return document.querySelectorAll('#{CHART} g.mark-area').length") == 0
    assert page.get_log("browser") == []


def test_pointing_at_a_curve_tells_its_values(page):
    from selenium.webdriver.common.action_chains import ActionChains

    chart = find(page, f"#{CHART} svg")
    page.execute_script("arguments[0].scrollIntoView({block: 'center'})", chart)
    ActionChains(page).move_to_element(chart).perform()
    wait(page, "document.querySelector('#vg-tooltip-element.visible')")
    said = find(page, "#vg-tooltip-element").text
    assert re.search(r"median:?\s*[\d.]+ %", said)
    assert re.search(r"quartiles:?\s*[\d.]+ to [\d.]+ %", said)
    assert re.search(r"runs:?\s*6", said)


def test_table_sorts_by_click_and_by_keyboard(page):
    from selenium.webdriver.common.keys import Keys

    def column(place):
        script = "return [...document.querySelectorAll('#r1-final tbody tr')].map((row) => row.cells[arguments[0]])"
        return page.execute_script(f"{script}.map((cell) => cell.dataset.order)", place)

    def order():
        return page.execute_script(
            "return [...document.querySelectorAll('#r1-final thead th')].map((head) => head.ariaSort)"
        )

    buttons = page.find_elements("css selector", "#r1-final thead button")
    buttons[3].click()
    values = [float(each) for each in column(3)]
    assert values == sorted(values, reverse=True)
    assert order()[3] == "descending"
    buttons[3].send_keys(Keys.ENTER)
    assert [float(each) for each in column(3)] == values[::-1]
    assert order()[3] == "ascending"
    buttons[0].click()
    assert order()[0] == "ascending"
    assert order()[3] == "none"
    assert set(column(0)) == {"hyperband", "random-search", HOSTILE}
    assert column(0).index("hyperband") < column(0).index("random-search")
    last = page.find_elements("css selector", "#r1-final tfoot th")
    assert [each.text for each in last] == ["optimum", "random architecture"]


def test_stepping_through_a_run_draws_its_cells(page):
    from selenium.webdriver.support.ui import Select

    text, drawing = (find(page, f"#r1 [data-cells={name}]") for name in ("text", "drawing"))
    Select(find(page, "#r1 select[data-cells=strategy]")).select_by_visible_text("random-search")
    steps = int(find(page, "#r1 [data-cells=step]").get_attribute("max"))
    assert f"step {steps} of {steps}" in text.text
    shown = drawing.get_attribute("innerHTML")
    find(page, "#r1 [data-cells=back]").click()
    assert f"step {steps - 1} of {steps}" in text.text
    assert drawing.get_attribute("innerHTML") != shown
    find(page, "#r1 [data-cells=on]").click()
    assert drawing.get_attribute("innerHTML") == shown
    assert not find(page, "#r1 [data-cells=on]").is_enabled()


def test_tabs_and_links_lead_to_the_results(page, report):
    first, second = find(page, "#r1"), find(page, "#r2")
    assert (first.is_displayed(), second.is_displayed()) == (True, False)
    find(page, "#tab-r2").click()
    assert (first.is_displayed(), second.is_displayed()) == (False, True)
    assert len(curves(page, "r2-front-chart")) == 2
    open_at(page, report, "#r2-fronts")
    assert find(page, "#r2-fronts").is_displayed()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_follows_the_scheme_and_can_be_read_in_it(page, scheme):
    media(page, scheme=scheme)
    colour = "return getComputedStyle(document.querySelector(arguments[0]))[arguments[1]]"

    def contrast(selector, behind, what="color"):
        front, back = (
            luminance(page.execute_script(colour, *each)) for each in ((selector, what), (behind, "backgroundColor"))
        )
        return (max(front, back) + 0.05) / (min(front, back) + 0.05)

    assert (luminance(page.execute_script(colour, "body", "backgroundColor")) < 0.1) == (scheme == "dark")
    assert contrast("body", "body") > 7
    for selector in ("figcaption", "summary", ".switch legend", ".explained", ".finding", "table"):
        assert contrast(selector, ".card") > 4.5, selector
    assert contrast(f"#{CHART} .role-axis-label text", ".card", "fill") > 7
    assert contrast(".switch input:checked + span", ".switch input:checked + span") > 4.5
    find(page, "#theme").click()
    assert (luminance(page.execute_script(colour, "body", "backgroundColor")) < 0.1) == (scheme != "dark")


def luminance(colour):
    """Relative luminance of a CSS colour, as WCAG 2 defines it."""
    parts = [float(each) / 255 for each in re.findall(r"[\d.]+", colour)[:3]]
    red, green, blue = (each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_a_phone_scrolls_down_only(page, report):
    size = {"width": 360, "height": 740, "deviceScaleFactor": 1, "mobile": True}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    open_at(page, report)
    for tab in ("r1", "r2"):
        find(page, f"#tab-{tab}").click()
        assert page.execute_script("return [document.documentElement.scrollWidth, innerWidth]") == [360, 360]
        width = page.execute_script(
            f"return document.querySelector('#{tab}-regret-chart svg').getBoundingClientRect().width"
        )
        assert 250 < width <= 340


def test_paper_shows_everything_but_the_controls(page):
    media(page, "print", "dark")
    shown = "return document.querySelector(arguments[0]).checkVisibility()"
    for selector in ("#r1", "#r2", "#r2-fronts", "#verification", "#origin", "#r1-regret .legend", f"#{CHART} svg"):
        assert page.execute_script(shown, selector), selector
    for selector in ("[role=tablist]", "#theme", "#r1 .controls", "[data-save]", "#copy"):
        assert not page.execute_script(shown, selector), selector
    assert page.execute_script("return getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    fill = f"return getComputedStyle(document.querySelector('#{CHART} .role-axis-label text')).fill"
    assert page.execute_script(fill) == "rgb(0, 0, 0)"
    pdf = base64.b64decode(page.execute_cdp_cmd("Page.printToPDF", {})["data"])
    assert pdf.startswith(b"%PDF")


def test_every_control_has_a_name(page):
    nameless = page.execute_script("""
        const named = (element) => element.textContent.trim() || element.ariaLabel || element.title
            || [...(element.labels ?? [])].some((label) => label.textContent.trim());
        const controls = 'button, select, input, summary, a, [role=tab], [role=region], [role=img], [role=group]';
        return [...document.querySelectorAll(controls)]
            .filter((element) => !named(element) && !element.hasAttribute('aria-labelledby'))
            .map((element) => element.outerHTML.slice(0, 200));
    """)
    assert nameless == []


def test_a_saved_chart_stands_alone(page):
    svg = page.execute_async_script(f"report.saved('{CHART}').then(arguments[0])")
    assert svg.startswith("<svg")
    assert "var(" not in svg
    assert "hyperband" in svg
    assert "<script" not in svg


def test_tables_are_there_without_scripts(browser, report):
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        browser.get("about:blank")
        browser.get(report.as_uri())
        for selector in ("#r1-final table", "#r2-final table", "#r1-cells .drawing svg", "#origin table", "noscript p"):
            assert find(browser, selector).is_displayed(), selector
        for selector in ("#theme", "#r1 .controls", "#r1 .legend"):
            assert not find(browser, selector).is_displayed(), selector
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
