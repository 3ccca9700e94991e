"""`bouncedesk manifest`: the Teams app package, checked and ready to upload."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

_UNSET = "example.com"


def manifest(
    out: Annotated[Path, typer.Option(help="File to write.")] = Path("bouncedesk.zip"),
    app_id: Annotated[
        str | None,
        typer.Option(help="Application (client) ID of the bot; otherwise BOUNCEDESK_APP_ID."),
    ] = None,
    domain: Annotated[
        str, typer.Option(help="Domain of your pages about support, privacy and terms.")
    ] = _UNSET,
    developer: Annotated[
        str, typer.Option(help="Name of your organisation, as people know it.")
    ] = "IT helpdesk",
    source: Annotated[
        Path | None, typer.Option(help="Folder with the template, its words and icons.")
    ] = None,
) -> None:
    """Build the Teams app package from the template and the settings, and check what Teams would refuse."""
    from bot import __version__
    from bot.content import load_library
    from bot.content.app_package import Registration, build_package, template_folder
    from bot.model.errors import ContentError
    from bot.settings import read_settings

    settings = read_settings(app_id=app_id)
    registration = Registration(settings.app_id.strip(), __version__, developer, domain)
    try:
        package = build_package(
            source or template_folder(), load_library(settings.dialogs), registration
        )
    except ContentError as refused:
        typer.echo(f"No package was built.{refused.detail}", err=True)
        raise typer.Exit(1) from refused
    out.write_bytes(package.data)
    typer.echo(f"Wrote {out}: app {registration.app_id}, {', '.join(package.languages)}.")
    for tag in package.unfinished:
        typer.echo(f"Left out {tag}.json: the bot does not speak {tag} yet.", err=True)
    if domain == _UNSET:
        typer.echo(
            f"Its links about support and privacy point to {_UNSET}; give --domain.", err=True
        )
