"""The README's commands, so that nothing else has to repeat them.

Each is a fenced block of one line, directly after an HTML comment with its name. Run as
`python tests/readme_commands.py test`, it prints one command.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

README = Path(__file__).resolve().parent.parent / "README.md"


def find_command(text: str, name: str) -> str:
    """The one command marked with a name.

    Errors: ValueError if no fence, or more than one, follows such a marker, or if the fence
            holds anything but one line.
    """
    marker = rf"^<!-- {re.escape(name)} -->\n```[a-z]*\n(.*?)^```$"
    found = re.findall(marker, text, flags=re.MULTILINE | re.DOTALL)
    if len(found) != 1:
        raise ValueError(f"{len(found)} fenced commands marked {name!r}; there has to be one")
    lines = [line for line in found[0].splitlines() if line.strip()]
    if len(lines) != 1:
        raise ValueError(f"the command marked {name!r} has {len(lines)} lines; it has to have one")
    return str(lines[0].strip())


if __name__ == "__main__":
    sys.stdout.write(find_command(README.read_text(encoding="utf-8"), sys.argv[1]) + "\n")
