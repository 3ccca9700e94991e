"""`python -m bot` and the console command `bouncedesk`."""

from __future__ import annotations

import typer

from bot.cli import (
    chat,
    db,
    doctor,
    draw,
    lint,
    manifest,
    match,
    new,
    outbox,
    people,
    play,
    run,
    stats,
    tickets,
)


def application() -> typer.Typer:
    """Return the command line with all its commands."""
    app = typer.Typer(
        name="bouncedesk",
        help="The helpdesk bot for bounced e-mail.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_show_locals=False,
    )
    for command in (
        run.run,
        chat.chat,
        doctor.doctor,
        match.match,
        lint.lint,
        draw.draw,
        play.play,
        manifest.manifest,
        stats.stats,
        people.export,
        people.forget,
    ):
        app.command()(command)
    app.add_typer(tickets.app, name="tickets")
    app.add_typer(outbox.app, name="outbox")
    app.add_typer(new.app, name="new")
    app.add_typer(db.app, name="db")
    return app


def main() -> None:
    """Run the command line."""
    application()()


if __name__ == "__main__":
    main()
