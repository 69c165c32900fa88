"""`agent`: the token that lets into an agent, made once and kept in its folder."""

from __future__ import annotations

from pathlib import Path

import click

from devserver.host.access import bearer_header, load_token


def token_in(folder: Path) -> str:
    """Return the token that is kept in an agent's folder; one that is made now is printed."""
    path = folder / "token"
    try:
        token, made = load_token(path)
    except (OSError, ValueError) as e:
        raise click.ClickException(f"The token of this agent cannot be read: {e}") from e
    if made:
        click.echo(f"Write into its entry of `backends:` authorization: {bearer_header(token)}", err=True)
        click.echo(f"This is printed this once; the token is kept in {path}.", err=True)
    return token
