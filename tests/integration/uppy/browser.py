"""Headless Chromium in its own thread, because Django refuses to work beside the event loop of Playwright."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self, TypeVar
from urllib.parse import urljoin, urlsplit

from playwright.sync_api import Browser, CDPSession, ConsoleMessage, Route, sync_playwright

from tests.support.programs import chromium

ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
]
T = TypeVar("T")


class Chromium:
    """One browser for all tests."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "browser")

    def __enter__(self) -> Self:
        self._browser = self.do(self._start)
        return self

    def __exit__(self, *error: Any) -> None:
        self.do(self._browser.close)
        self.do(self._playwright.stop)
        self._thread.shutdown()

    def _start(self) -> Browser:
        self._playwright = sync_playwright().start()
        program = chromium()
        assert program, "There is no Chromium: `make test` brings one."
        return self._playwright.chromium.launch(
            executable_path=program.path, env=dict(program.environment), args=ARGUMENTS
        )

    def do(self, action: Callable[..., T], *arguments: Any, **options: Any) -> T:
        """Run a function in the thread of the browser. Only that thread may use its objects."""
        return self._thread.submit(action, *arguments, **options).result(120)

    def visitor(self, **cookies: str) -> "Visitor":
        """Return a browser session with an empty profile and these cookies."""
        return self.do(Visitor, self, self._browser, cookies)


class Visitor:
    """A page in its own profile, and the errors that it reported."""

    def __init__(self, chromium: Chromium, browser: Browser, cookies: dict[str, str]) -> None:
        self._do, self._cookies = chromium.do, cookies
        self._context = browser.new_context()
        self._page = self._context.new_page()
        self._network: CDPSession | None = None
        self.complaints: list[str] = []
        self._page.on("console", self._note)
        self._page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _note(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def goto(self, url: str) -> None:
        """Open a URL with the cookies."""
        site = urljoin(url, "/")
        cookies: Any = [{"name": name, "value": value, "url": site} for name, value in self._cookies.items()]
        self._do(self._context.add_cookies, cookies)
        self._do(self._page.goto, url)

    def serve(self, url: str, folder: Path, policy: str = "") -> None:
        """Answer requests below a URL with the files of a folder, under a Content Security Policy."""
        headers = {"Content-Security-Policy": policy} if policy else {}

        def answer(route: Route) -> None:
            route.fulfill(path=folder / urlsplit(route.request.url.removeprefix(url)).path, headers=headers)

        # Chromium takes such a page for one of the internet, which may not request addresses of this machine.
        self._do(self._context.grant_permissions, ["local-network-access"])
        self._do(self._page.route, f"{url}**", answer)

    def set_network(self, upload_bytes_per_second: int = -1, *, is_offline: bool = False) -> None:
        """Slow the network of the page down, take it away, or give it back."""

        def emulate() -> None:
            # Several sessions would contradict each other.
            session = self._network = self._network or self._context.new_cdp_session(self._page)
            session.send("Network.enable")
            speeds = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": upload_bytes_per_second}
            session.send("Network.emulateNetworkConditions", {"offline": is_offline, **speeds})

        self._do(emulate)

    def click(self, button: str) -> None:
        """Press a button, like a user."""
        self._do(self._page.get_by_role("button", name=button).click)

    def reload(self) -> None:
        """Load the page anew: everything in its memory is gone."""
        self._do(self._page.reload)

    def choose(self, file: Path) -> None:
        """Choose a local file, like a user."""
        self._do(self._page.set_input_files, "input", file)

    def run(self, script: str, argument: Any = None) -> Any:
        """Run JavaScript in the page, and return its result."""
        return self._do(self._page.evaluate, script, argument)

    def run_until_answered(self, script: str, method: str, address: str) -> None:
        """Run JavaScript, and wait for the response to a request that it sends."""

        def run() -> None:
            with self._page.expect_response(lambda got: got.request.method == method and address in got.url):
                self._page.evaluate(script)

        self._do(run)

    def answer_to(self, script: str, address: str) -> tuple[int, str, str]:
        """Run JavaScript that opens a URL. Return the status, the body, and the cookies of the request."""

        def run() -> tuple[int, str, str]:
            with self._page.expect_response(address) as answer:
                self._page.evaluate(script, address)
            headers = answer.value.request.all_headers()
            return answer.value.status, answer.value.text(), headers.get("cookie", "")

        return self._do(run)

    def wait_for(self, script: str) -> None:
        """Wait until a JavaScript expression is true."""
        self._do(self._page.wait_for_function, script)

    def close(self) -> None:
        """Delete the profile."""
        self._do(self._context.close)
