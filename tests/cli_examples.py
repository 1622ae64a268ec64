"""The command line within the process of the tests."""

from typer.testing import CliRunner

from metanas.cli import app

runner = CliRunner()


def run(*arguments):
    return runner.invoke(app, [str(a) for a in arguments])


def refused(*arguments):
    """The one sentence on standard error of a refused command line."""
    result = run(*arguments)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("metanas: ")
    return lines[0]
