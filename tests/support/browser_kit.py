"""What page tests need of a browser: which one, how it is started, and what it complains about."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field

from playwright.sync_api import ConsoleMessage, Error, Page

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

# Tells violations of the policy that the console would not.
WATCH = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (e) => {
  window.violations.push(e.violatedDirective + " " + e.sourceFile);
});
"""


@dataclass
class Watched:
    """An open page and everything that it complained about."""

    page: Page
    complaints: list[str] = field(default_factory=list)

    def heard(self, message: ConsoleMessage) -> None:
        """Keep errors and warnings of the console."""
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.type}: {message.text}")

    def failed(self, error: Error) -> None:
        """Keep exceptions that no script caught."""
        self.complaints.append(f"uncaught: {error}")

    def all(self) -> list[str]:
        """Return all complaints, those about the policy included."""
        return self.complaints + [str(v) for v in self.page.evaluate("window.violations")]


def chromium() -> str:
    """The path of the system's Chromium; a test without one fails."""
    found = shutil.which("chromium")
    assert found is not None, "these tests need Chromium: `make browser` installs it"
    return found
