"""`python -m tests.kept.journals.writing_host LOG ...`: a host that writes down the prompts that it takes.

The options after the file are those of a host.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from aiohttp import web

from devserver.host.__main__ import parse_arguments, serve
from devserver.host.host import Host


class WritingHost(Host):
    """Writes the body of every prompt that it accepts into a file."""

    log = Path()

    async def accept(self, body: dict[str, Any]) -> web.Response:
        answer = await super().accept(body)
        if answer.status == web.HTTPOk.status_code:
            with self.log.open("a") as file:
                file.write(json.dumps(body) + "\n")
        return answer


def main() -> None:
    WritingHost.log = Path(sys.argv.pop(1))
    options = parse_arguments()
    host = WritingHost(options.table, options.base, options.max_upload_bytes)
    asyncio.run(serve(host, options.port, standalone=options.standalone))


if __name__ == "__main__":
    main()
