"""The command line: ``python -m server COMMAND`` in a checkout, ``folkmoot COMMAND`` elsewhere."""

from __future__ import annotations

import importlib
from typing import NamedTuple

import click

from . import __version__


class _Entry(NamedTuple):
    module: str
    help: str
    attribute: str = "command"


COMMANDS: dict[str, _Entry] = {
    "serve": _Entry("serve", "Run the server."),
    "worker": _Entry("worker", "Work for the servers on PostgreSQL: drafts, analyses, exports."),
    "migrate": _Entry("migrate", "Bring the database to this program's version."),
    "assembly": _Entry("assembly", "Found an assembly."),
    "invite": _Entry("invite", "Make invite links."),
    "import": _Entry("imports", "Bring a conversation from elsewhere."),
    "analyze": _Entry("plenary", "Opinion groups, and what follows from them.", "analyze"),
    "themes": _Entry("plenary", "Themes of the statements.", "themes"),
    "draft": _Entry("plenary", "Drafts that could unite people, verified.", "draft"),
    "phase": _Entry("phase", "Take an assembly's plenary to a phase."),
    "simulate": _Entry("simulate", "Simulated participants do what the phase asks."),
    "export": _Entry("export", "Write the signed bundle."),
    "verify": _Entry("verify", "Check a bundle with nothing but its own files."),
    "move": _Entry("move", "Take assemblies to another database."),
    "backup": _Entry("backup", "Copy the database while it is in use."),
    "replay": _Entry("replay", "Rebuild everything from the log and compare."),
}
"""Each command, the module in ``cli/`` that holds it, and its line in the list."""


class _Commands(click.Group):
    """Loads a command's module when it is asked for, and not before."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        module = importlib.import_module(f".cli.{entry.module}", __package__)
        command = getattr(module, entry.attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"cli/{entry.module}.py has no command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in COMMANDS.items()])


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Example: python -m server serve --demo",
)
@click.version_option(package_name=None, version=__version__, prog_name="folkmoot")
def cli() -> None:
    """Assemblies in which people decide together what they want of artificial intelligence.

    Settings come from the environment (FOLKMOOT_DATA_DIR and others; docs/operating.md).
    """


def main() -> None:
    """Run the command line and leave with its exit code: 0 done, 2 wrong use, 1 else."""
    cli(prog_name="folkmoot" if __package__ == "folkmoot" else "python -m server")


if __name__ == "__main__":
    main()
