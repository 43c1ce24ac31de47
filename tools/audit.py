"""List known vulnerabilities of the packages in this environment: what `make audit` runs.

    python tools/audit.py <a Python that has pip-audit>

If PyPI does not answer, pip-audit skips every package and reports success; this program says that
nothing was audited. It exits with 1 if a package has a known vulnerability.
"""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig


def main(auditor: str) -> int:
    options = ["--path", sysconfig.get_path("purelib"), "--format", "json", "--desc", "off"]
    command = [auditor, "-m", "pip_audit", "--progress-spinner", "off", *options]
    run = subprocess.run(command, capture_output=True, text=True)
    if not run.stdout:
        print(f"No advisory data, nothing was audited: {run.stderr.strip()[-300:]}")
        return 0
    packages = json.loads(run.stdout)["dependencies"]
    audited = [package for package in packages if "skip_reason" not in package]
    if not audited:
        print(f"No advisory data: none of {len(packages)} packages was audited")
        return 0
    found = 0
    for package in audited:
        for flaw in package["vulns"]:
            found += 1
            fixed = ", ".join(flaw["fix_versions"]) or "no version"
            print(f"{package['name']} {package['version']}: {flaw['id']}, fixed in {fixed}")
    skipped = len(packages) - len(audited)
    print(f"{found} known vulnerabilities in {len(audited)} packages; {skipped} are not on PyPI")
    return int(found > 0)


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
