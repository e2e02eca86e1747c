"""`raxe-conformance report` as a user types it."""

from __future__ import annotations

from pathlib import Path

from meta_tests.cli.test_commands import raxe
from meta_tests.report.site import MODEL_ID, put_all, write_rows
from meta_tests.support.toy import MODEL_ID as TOY_ID
from meta_tests.support.toy import Toy


def test_pages_are_written_beside_the_reports(tmp_path: Path) -> None:
    rows = write_rows(tmp_path / "rows.jsonl", 30)
    put_all(tmp_path / "reports", rows)
    result = raxe("report", "reports", "--benchmark", "rows.jsonl", cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    written = [f"{MODEL_ID}{suffix}" for suffix in (".html", ".sarif", ".card.md", ".cdx.json")]
    assert result.stdout.splitlines() == [f"reports/{name}" for name in (*written, "index.html")]
    assert "number 1" in (tmp_path / "reports" / f"{MODEL_ID}.html").read_text(encoding="utf-8")


def test_a_refused_report_is_one_line_and_the_others_have_their_pages(tmp_path: Path) -> None:
    rows = write_rows(tmp_path / "rows.jsonl", 30)
    good, bad = put_all(tmp_path, rows), put_all(tmp_path, rows, model_id="bad")
    bad.write_text(bad.read_text(encoding="utf-8").replace('"Made Up 1"', '"Faster 2"'), encoding="utf-8")
    result = raxe("report", ".", cwd=tmp_path)
    assert result.returncode == 2
    assert len(result.stderr.splitlines()) == 1
    assert "ERROR: bad.json: digest: is not the digest of this content: the file was edited" in result.stderr
    assert good.with_suffix(".html").is_file()
    assert not (tmp_path / "bad.html").exists()


def test_bad_usage_is_one_line(tmp_path: Path) -> None:
    for args, said in (
        (("report", "nowhere"), "ERROR: nowhere: holds no report {model_id}.json; name the folder"),
        (("report", ".", "--benchmark", "nowhere.jsonl"), "nowhere.jsonl: the benchmark file does not exist"),
    ):
        if args[1] == ".":
            put_all(tmp_path, write_rows(tmp_path / "rows.jsonl", 30))
        result = raxe(*args, cwd=tmp_path)
        assert result.returncode == 2
        assert said in result.stderr
        assert len(result.stderr.splitlines()) == 1


def test_a_run_writes_its_pages_at_once(toy: Toy, tmp_path: Path) -> None:
    result = raxe("check", toy.models, "--", "-q", "-m", "size", f"--raxe-benchmark={toy.benchmark}", cwd=tmp_path)
    assert result.returncode == 3, result.stdout
    page = (tmp_path / "reports" / f"{TOY_ID}.html").read_text(encoding="utf-8")
    assert "Cannot tell yet: " in page
    assert f"./{TOY_ID}.html" in (tmp_path / "reports" / "index.html").read_text(encoding="utf-8")


def test_a_page_that_cannot_be_written_leaves_the_verdict(toy: Toy, tmp_path: Path) -> None:
    (tmp_path / "reports" / f"{TOY_ID}.html").mkdir(parents=True)
    result = raxe("check", toy.models, "--", "-q", "-m", "size", f"--raxe-benchmark={toy.benchmark}", cwd=tmp_path)
    assert result.returncode == 3, result.stdout
    assert f"{TOY_ID}.html: cannot be written: Is a directory" in result.stdout
    assert (tmp_path / "reports" / f"{TOY_ID}.json").is_file()
