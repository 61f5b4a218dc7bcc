"""The command line from outside: help, version, exit codes, colours, completion, pipes, and what is imported when."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

import gossamer as gs
from gossamer.cli import guard
from gossamer.cli.app import COMMANDS, EXAMPLES
from gossamer.cli.pages import pages
from gossamer.errors import GossamerError

ROOT = Path(__file__).parents[2]
COLOUR = re.compile(r"\x1b\[(\d+;)*3[0-7]m")
LONGEST_EXAMPLE = 76  # letters that fit a terminal of 80 beside the prompt


def test_every_command_helps_with_examples_that_name_it(gossamer: Callable) -> None:
    for name, command in COMMANDS.items():
        ran = gossamer(name, "--help")
        assert ran.code == 0
        assert "Examples" in ran.out
        assert command.examples
        assert any(f"gossamer {name}" in line for line in command.examples)
        assert command.summary.split()[0] in ran.out


def test_help_names_every_command_and_exit_code(gossamer: Callable) -> None:
    out = gossamer("--help").out
    for name in COMMANDS:
        assert name in out
    for code in guard.EXIT_CODES:
        assert f"{code}  " in out


def test_examples_are_of_commands_and_options_that_exist(gossamer: Callable) -> None:
    for example in (*EXAMPLES, *(line for command in COMMANDS.values() for line in command.examples)):
        words = example.split("|")[0].split()
        if words[0] == "gossamer":
            assert len(example) <= LONGEST_EXAMPLE
            page = pages()[f"{words[1]}.md"]
            for option in (word for word in words if word.startswith("-") and word != "\\"):
                assert f"`{option}`" in page, (example, option)


def test_version(gossamer: Callable) -> None:
    assert gossamer("--version").out == f"gossamer {gs.__version__}\n"


@pytest.mark.parametrize("arguments", [["quux"], ["demo", "a", "b"], ["inspect"], ["inspect", "x", "--sort", "y"]])
def test_wrong_usage_is_2_and_says_usage(arguments: list[str], gossamer: Callable) -> None:
    ran = gossamer(*arguments)
    assert ran.code == guard.WRONG_USAGE
    assert "Usage" in ran.err
    assert ran.out == ""


@pytest.mark.parametrize(("command", "needed"), [("compress", "SOURCE"), ("bench", "SMALL"), ("inspect", "PATH")])
def test_an_argument_is_called_the_same_everywhere(command: str, needed: str, gossamer: Callable) -> None:
    assert f"Missing argument '{needed}'" in gossamer(command).err
    assert needed in gossamer(command, "--help").out
    assert f"`{needed}`" in pages()[f"{command}.md"]


def test_no_command_is_wrong_usage_and_shows_the_help(gossamer: Callable) -> None:
    ran = gossamer()
    assert ran.code == guard.WRONG_USAGE
    assert "compress" in ran.out + ran.err


def test_help_and_completion_import_no_torch() -> None:
    code = (
        "import sys; from gossamer.cli import main; code = main(sys.argv[1:]);"
        "assert not {'torch', 'numpy', 'transformers', 'jinja2'} & set(sys.modules); sys.exit(code)"
    )
    for arguments in (["--help"], *([name, "--help"] for name in COMMANDS)):
        assert subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True).returncode == 0


def test_bash_completes_commands_and_options() -> None:
    for words, count, wanted in (("gossamer com", "1", "compress"), ("gossamer inspect --so", "2", "--sort")):
        asked = {"_GOSSAMER_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": count}
        ran = subprocess.run(
            [sys.executable, "-c", "from gossamer.cli import main; main()"],
            capture_output=True,
            text=True,
            env=os.environ | asked,
        )
        assert ran.stdout.split() == [wanted]


def test_a_foreseen_error_is_one_message_without_traceback(gossamer: Callable, here: Path) -> None:
    ran = gossamer("inspect", "nowhere")
    assert (ran.code, ran.out) == (guard.ERROR, "")
    assert ran.err == "error: nowhere: no such file or folder\n"


def test_an_unforeseen_error_is_one_line_and_debugging_shows_the_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails() -> None:
        raise ZeroDivisionError("division by [zero]")

    monkeypatch.delenv("GOSSAMER_DEBUG", raising=False)
    assert _code(fails) == guard.ERROR
    assert (
        capsys.readouterr().err
        == "error: ZeroDivisionError: division by [zero] (not foreseen; GOSSAMER_DEBUG=1 shows the traceback)\n"
    )
    monkeypatch.setenv("GOSSAMER_DEBUG", "1")
    assert _code(fails) == guard.ERROR
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize("folder", ["usersown.py", "usersown.py/below", "/proc/below/deeper"])
def test_the_demo_looks_at_its_folder_before_it_trains(folder: str, gossamer: Callable, here: Path) -> None:
    ran = gossamer("demo", folder)
    assert (ran.code, ran.out) == (guard.ERROR, "")
    assert ran.err.startswith(f"error: {folder}: ")
    assert "not foreseen" not in ran.err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full is needed")
def test_a_full_disk_behind_stdout_is_told() -> None:
    with Path("/dev/full").open("w") as full:
        ran = subprocess.run([sys.executable, "-m", "gossamer", "recipes"], stdout=full, stderr=subprocess.PIPE)
    assert ran.returncode == guard.ERROR
    assert (
        ran.stderr
        == b"error: stdout cannot be written (No space left on device); make room there, or send it elsewhere\n"
    )


def test_errors_interrupts_and_gone_readers_have_codes_of_their_own() -> None:
    for raised, code in ((GossamerError("x"), 1), (KeyboardInterrupt(), 130), (BrokenPipeError(), 141)):
        assert _code(lambda raised=raised: (_ for _ in ()).throw(raised)) == code


def test_a_terminal_gets_colours_and_a_pipe_does_not() -> None:
    command = [sys.executable, "-m", "gossamer"]
    plain = {key: value for key, value in os.environ.items() if key != "NO_COLOR"} | {"TERM": "xterm-256color"}
    assert COLOUR.search(_in_terminal([*command, "doctor"], plain))
    assert not COLOUR.search(_in_terminal([*command, "--no-color", "doctor"], plain))
    assert not COLOUR.search(_in_terminal([*command, "doctor"], plain | {"NO_COLOR": "1"}))
    piped = subprocess.run([*command, "doctor"], capture_output=True, text=True, env=plain)
    assert "\x1b" not in piped.stdout + piped.stderr


def test_a_reader_that_goes_away_is_no_noise() -> None:
    talks = (
        "import sys, typer; from gossamer.cli.guard import guarded; from gossamer.cli.screen import show\n"
        "try: guarded(lambda: show('line\\n' * 100_000))()\n"  # more than a pipe holds
        "except typer.Exit as end: sys.exit(end.exit_code)"
    )
    talker = subprocess.Popen([sys.executable, "-c", talks], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert talker.stdout is not None
    assert talker.stderr is not None
    assert talker.stdout.readline() == b"line\n"
    talker.stdout.close()
    assert talker.stderr.read() == b""
    talker.stderr.close()
    assert talker.wait() == guard.NO_READER


def test_pages_are_current() -> None:
    folder = ROOT / "docs" / "commands"
    assert {path.name for path in folder.glob("*.md")} == set(pages())
    for name, text in pages().items():
        assert (folder / name).read_text(encoding="utf-8") == text, f"run python -m gossamer.cli.pages {folder}"


def _code(command: Callable[[], object]) -> int:
    with pytest.raises(typer.Exit) as caught:
        guard.guarded(command)()
    return int(caught.value.exit_code)


def _in_terminal(command: list[str], env: dict[str, str]) -> str:
    """What a command writes into a pseudo-terminal."""
    master, slave = pty.openpty()
    child = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=env, close_fds=True)
    os.close(slave)
    said = b""
    while True:
        try:
            part = os.read(master, 4096)
        except OSError:  # how Linux says that the other side is closed
            break
        if not part:
            break
        said += part
    os.close(master)
    assert child.wait() == 0
    return said.decode()
