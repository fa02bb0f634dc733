"""A browser without a window, for tests of pages; they are skipped where none is installed."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

_BROWSERS = ('chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome')
_OPTIONS = (
    '--headless=new',
    '--no-sandbox',  # which root needs
    '--disable-gpu',
    '--disable-quic',
    '--disable-dev-shm-usage',  # containers have little of it
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    '--no-first-run',
)
_WITHOUT_NETWORK = ('file:', 'data:', 'blob:', 'about:', 'chrome:')
# Every picture is loaded, those outside of the window included; what is true of a broken one, too, is `complete`.
_BROKEN_IMAGES = """
const done = arguments[0];
const images = [...document.images].filter(image => image.getAttribute('src'));
Promise.allSettled(images.map(image => image.decode())).then(results => done(
  images.filter((image, i) => results[i].status === 'rejected' || !image.naturalWidth).map(image => image.outerHTML)));
"""


class Browser:
    """A browser, and what it says of the page that is open.

    Attributes:
        driver: Selenium's driver.
    """

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def open(self, page: str | Path, width: int = 1400, height: int = 1000) -> None:
        """Open a file or a URL in a window of a size."""
        self.driver.get_log('browser')  # forgets what was said of earlier pages
        self.driver.get_log('performance')
        self.resize(width, height)
        self.driver.get(page.absolute().as_uri() if isinstance(page, Path) else page)

    def resize(self, width: int, height: int = 1000) -> None:
        """Give the open page another size, also one that is narrower than windows can be."""
        metrics = dict(width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.driver.execute_cdp_cmd('Emulation.setDeviceMetricsOverride', metrics)

    def run(self, script: str, *arguments: Any) -> Any:
        """Run JavaScript in the page; `arguments` are its `arguments`, what it returns is returned."""
        return self.driver.execute_script(script, *arguments)

    def complaints(self) -> list[str]:
        """Errors and warnings of the console since the last call, uncaught exceptions and refused requests included."""
        return [entry['message'] for entry in self.driver.get_log('browser') if entry['level'] in ('SEVERE', 'WARNING')]

    def requests(self) -> list[str]:
        """URLs that were asked for over a network since the last call."""
        events = [json.loads(entry['message'])['message'] for entry in self.driver.get_log('performance')]
        urls = [event['params']['request']['url'] for event in events if event['method'] == 'Network.requestWillBeSent']
        return [url for url in urls if not url.startswith(_WITHOUT_NETWORK)]

    def broken_images(self) -> list[str]:
        """The images of the page that cannot be shown, as HTML."""
        self.driver.set_script_timeout(60)
        return self.driver.execute_async_script(_BROKEN_IMAGES)

    def overflow(self) -> int:
        """By how many pixels the page is wider than its window; readers would have to scroll sideways."""
        return self.run('return document.documentElement.scrollWidth - document.documentElement.clientWidth')

    def screenshot(self, file: Path, whole: bool = False) -> None:
        """Write a PNG file of the window, or of the whole page."""
        if whole:
            size = self.run('return [innerWidth, document.documentElement.scrollHeight]')
            self.resize(*size)
        self.driver.save_screenshot(str(file))


@pytest.fixture(scope='session')
def browser(tmp_path_factory) -> Iterator[Browser]:
    """A browser for the tests of pages."""
    selenium = pytest.importorskip('selenium.webdriver', reason='Selenium is not installed')
    from selenium.common.exceptions import SessionNotCreatedException

    binaries = [path for path in map(shutil.which, _BROWSERS) if path]
    driver = shutil.which('chromedriver')
    if not binaries or not driver:
        pytest.skip('no browser: install chromium and chromium-driver')
    for binary in binaries:
        options = selenium.ChromeOptions()
        options.binary_location = binary
        for option in (*_OPTIONS, f'--user-data-dir={tmp_path_factory.mktemp("browser")}'):
            options.add_argument(option)
        options.set_capability('goog:loggingPrefs', {'browser': 'ALL', 'performance': 'ALL'})
        try:
            started = selenium.Chrome(options=options, service=selenium.ChromeService(executable_path=driver))
            break
        except SessionNotCreatedException as error:  # the driver is that of another browser
            reason = error.msg
    else:
        pytest.skip(f'no browser starts with {driver}: {reason}')
    try:
        yield Browser(started)
    finally:
        started.quit()
