"""Installs what the tests need and pip does not bring: a Chromium, a PostgreSQL server, an nginx.

On Debian and its kin all come from the distribution's packages, if we may install them; elsewhere Playwright
brings its own Chromium, and the others are asked for.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")


def chromium() -> str | None:
    """Path of a Chromium of this machine; None if there is none outside Playwright's own folder."""
    return next((path for name in CHROMIUM_NAMES if (path := shutil.which(name))), None)


def has_postgresql() -> bool:
    """Whether the programs of a PostgreSQL server are here."""
    return shutil.which("initdb") is not None or any(Path("/usr/lib/postgresql").glob("*/bin/initdb"))


def nginx() -> str | None:
    """Path of nginx, which Debian puts where not every user's PATH leads; None if there is none."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")


def main() -> int:
    """Installs what is missing; returns the exit code."""
    present = {
        "chromium": chromium() is not None,
        "postgresql": has_postgresql(),
        "nginx": nginx() is not None,
    }
    missing = [name for name, there in present.items() if not there]
    if missing and shutil.which("apt-get") and (os.geteuid() == 0 or shutil.which("sudo")):
        rights = [] if os.geteuid() == 0 else ["sudo"]
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run([*rights, "apt-get", "update", "-qq"], check=True, env=environment)
        subprocess.run([*rights, "apt-get", "install", "-y", "-qq", *missing], check=True, env=environment)
        missing = []
    if "chromium" in missing:
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=True)
        missing.remove("chromium")
    if missing:
        print(f"Please install {', '.join(missing)} (macOS: brew install postgresql@16 nginx): its tests are left out.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
