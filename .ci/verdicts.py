"""Run the suites on models/ and compare every MUST's verdict with .ci/expected.toml."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

HERE = Path(__file__).parent


def main() -> int:
    expected = tomllib.loads((HERE / "expected.toml").read_text(encoding="utf-8"))
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "raxe_conformance", "check", "models", "--report-dir", folder]
        code = subprocess.run(command, cwd=HERE.parent, check=False).returncode
        if code not in (0, 1, 3):
            print(f"the suites did not run: exit {code}", file=sys.stderr)
            return 1
        written = [
            path for path in Path(folder).glob("*.json") if not path.name.endswith((".evidence.json", ".cdx.json"))
        ]
        reports = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in written}
    for model_id in sorted(set(reports) ^ set(expected)):
        print(f"{model_id}: {'no report' if model_id in expected else 'not in .ci/expected.toml'}", file=sys.stderr)
        wrong += 1
    for model_id in sorted(set(reports) & set(expected)):
        report, told = reports[model_id], expected[model_id]
        for check in report["checks"]:
            if check["level"] != "MUST":
                continue
            named = told.get(check["id"], told.get("default", "PASS"))
            allowed = [named] if isinstance(named, str) else named
            if check["verdict"] not in allowed:
                said = f"{check['verdict']}, but should be {' or '.join(allowed)}"
                print(f"{model_id} {check['id']}: {said}: {check['message']}", file=sys.stderr)
                wrong += 1
        for check_id in report["not_judged"]:
            print(f"{model_id} {check_id}: not judged", file=sys.stderr)
            wrong += 1
    print("verdicts as expected" if not wrong else f"{wrong} verdicts are not as expected", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
