"""`agent`: the token of an agent, made once and kept in its folder."""

from __future__ import annotations

from pathlib import Path

import click

from devserver.host.access import bearer_header, load_token


def token_in(folder: Path) -> str:
    """Return the token in an agent's folder; print it if it is new."""
    path = folder / "token"
    try:
        token, made = load_token(path)
    except (OSError, ValueError) as e:
        raise click.ClickException(f"The token of this agent cannot be read: {e}") from e
    if made:
        click.echo(f"Add this line to its entry of `backends:` authorization: {bearer_header(token)}", err=True)
        click.echo(f"It is printed only once; the token is kept in {path}.", err=True)
    return token
